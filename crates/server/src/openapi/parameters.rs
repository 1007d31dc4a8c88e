//! The parameters of requests, each stated once with the values it may have. Operations name the groups they take.

use bordereau_base::finding::{FindingCode, Severity};
use bordereau_jobs::{DELIVERIES_PAGE_MAX, PAGE_MAX};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, Required, SchemaFormat};

use crate::subscribe::TIMEOUT_S_MAX;

/// Groups of parameters: where each stands, its name, its values, and what it means. What stands in a path is always
/// there; so is a `must` of the headers.
macro_rules! parameters {
    ($($group:ident { $($place:ident $name:literal $values:expr, $meaning:literal;)+ })+) => { $(
        pub(crate) struct $group;

        impl IntoParams for $group {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$(parameter(Place::$place, $name, $values, $meaning)),+]
            }
        }
    )+ };
}

parameters! {
    Version {
        Path "version" text().pattern(Some("^([1-9][0-9]*|version)$")), "An integer from 1 up, or the word `version`.";
    }
    Asked {
        Path "solution" name(), "Such as `insureright`.";
        Path "submission" name(), "Such as `scoring`.";
    }
    SentTo {
        Path "solution" name(), "The solution the batch was sent to.";
        Path "submission" name(), "The submission the batch was sent to.";
    }
    OneBatch { Path "key" guid(), "The batch key."; }
    OneProfile { Path "key" guid(), "The profile key."; }
    ToSubmit { Path "key" guid(), "The profile key. It becomes the batch key too."; }
    OneSolution { Path "solution" name(), "Such as `insureright`."; }
    OneWebhook { Path "id" guid(), "The id of the webhook."; }
    OneUpload { Path "id" text(), "The last part of its path."; }
    OneCustomer { Path "customer" name(), "The customer."; }
    OneUser { Path "user" user(), "The user."; }
    OneToken { Path "prefix" text().pattern(Some("^[0-9a-f]{12}$")), "The prefix of the token."; }

    ChosenKey { Query "batchKey" guid(), "The GUID of the batch, when the client chooses it."; }
    ChosenProfileKey { Query "batchKey" guid(), "The GUID of the profile, when the client chooses it."; }
    OneRelease { Query "solutionVersion" release(), "The release, such as `1.0.7`; else the active one."; }
    Wishes {
        Query "solutionVersion" release(), "The release, such as `1.0.7`; else the active one.";
        Query "format" one_of(&["csv", "parquet"]), "`csv` (default) or `parquet`: the members of the results.";
        Query "explanations" text().pattern(Some("^([0-9]{1,4}|all)$")),
            "Features per prediction: 0 up, or `all`; else as the release says.";
    }
    ProfileForm {
        Query "format" one_of(&["json", "html", "datapackage", "sketch"]),
            "`json`, `html`, `datapackage` (a draft of a data dictionary) or `sketch` (the state, of a full profile \
             only).";
    }
    FindingsPage {
        Query "relation" text(), "Only those of this relation.";
        Query "field" text(), "Only those of this field.";
        Query "code" one_of(&FindingCode::ALL.map(FindingCode::as_str)), "Only those of this kind, such as `required`.";
        Query "severity" one_of(&[Severity::Error.as_str(), Severity::Warning.as_str()]), "`error` or `warning`.";
        Query "limit" limit(PAGE_MAX), "Findings in a page, 1 to 500, 100 when absent.";
        Query "cursor" position(), "`cursor` of the page before.";
    }
    BatchesPage {
        Query "state" one_of(&["accepted", "running", "finished", "failed", "cancelled"]),
            "`accepted`, `running`, `finished`, `failed` or `cancelled`.";
        Query "solution" name(), "Only those of this solution.";
        Query "submission" name(), "Only those of this submission.";
        Query "since" moment(), "Only those accepted at this moment or later, RFC 3339.";
        Query "until" moment(), "Only those accepted before this moment, RFC 3339.";
        Query "keyPrefix" text().pattern(Some("^[0-9A-Fa-f-]{1,36}$")), "Only those whose key begins so.";
        Query "test" one_of(&["without", "only", "all"]),
            "`without` (when absent) the batches of test users, `only` them, or `all`. A test user sees only them.";
        Query "limit" limit(PAGE_MAX), "Batches in a page, 1 to 500, 50 when absent.";
        Query "cursor" guid(), "`cursor` of the page before.";
    }
    Poll {
        Query "filter" text(),
            "Pairs that must all match, such as `name,batchFinished,batchKey,GUID`. May be repeated: then any may \
             match. Without one every event matches.";
        Query "since" text(),
            "The cursor of an earlier answer. Without it a filter with a batch key begins at the batch's first event, \
             any other with what happens from now on.";
        Query "timeout" number(0).maximum(Some(TIMEOUT_S_MAX)),
            "Seconds to wait, 0 to 300, 30 when absent; up to a tenth longer.";
    }
    Stream {
        Query "filter" text(), "As of the long poll.";
        Query "since" text(), "As of the long poll; `Last-Event-ID` goes before it.";
        Header "Last-Event-ID" text(), "The cursor of the last event that was received.";
    }
    DeliveriesPage {
        Query "limit" limit(DELIVERIES_PAGE_MAX - 1), "Attempts in one page, 1 to 199, 50 when absent.";
        Query "cursor" position(), "Of the page before.";
    }
    AccountsPage {
        Query "after" text(), "The `cursor` of the page before.";
        Query "limit" limit(PAGE_MAX), "1 to 500, 100 when absent.";
    }
    OfCustomer { Query "customer" name(), "Only users of this customer."; }
    AuditPage {
        Query "actor" text(), "Only what this user did.";
        Query "customer" name(), "Only what concerns this customer.";
        Query "before" position(), "The `cursor` of the page before.";
        Query "limit" limit(PAGE_MAX), "1 to 500, 100 when absent.";
    }

    Tus { Must "Tus-Resumable" text().pattern(Some("^1\\.0\\.0$")), "`1.0.0`."; }
    NewUpload {
        Must "Upload-Length" number(1), "Bytes of the whole upload.";
        Must "Upload-Metadata" text(),
            "Pairs of a name and a value in base64, parted by commas: `solution` and `submission`, and as for a batch \
             `batchKey`, `solutionVersion`, `format`, `explanations`. For a profile `unstructured` and `profile`.";
    }
    Piece {
        Must "Upload-Offset" number(0), "Where the piece begins: what `HEAD` says.";
        Header "Upload-Checksum" text(),
            "`sha1` or `sha256`, a space, and the checksum of the piece in base64. A piece with a checksum counts as a \
             whole or not at all.";
    }
}

#[derive(Clone, Copy)]
enum Place {
    Path,
    Query,
    Header,
    Must,
}

fn parameter(place: Place, name: &str, values: ObjectBuilder, meaning: &str) -> Parameter {
    let (parameter_in, required) = match place {
        Place::Path => (ParameterIn::Path, Required::True),
        Place::Query => (ParameterIn::Query, Required::False),
        Place::Header => (ParameterIn::Header, Required::False),
        Place::Must => (ParameterIn::Header, Required::True),
    };
    let parameter = ParameterBuilder::new().name(name).parameter_in(parameter_in).required(required);
    parameter.description(Some(meaning)).schema(Some(values.build())).build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A name of a customer, solution or submission.
fn name() -> ObjectBuilder {
    text().pattern(Some("^[a-z0-9][a-z0-9._-]{0,63}$"))
}

fn user() -> ObjectBuilder {
    text().pattern(Some("^[A-Za-z0-9._+@-]{1,128}$"))
}

fn guid() -> ObjectBuilder {
    text().format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

fn moment() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

fn release() -> ObjectBuilder {
    text().pattern(Some("^[0-9]{1,9}(\\.[0-9]{1,9}){0,3}$"))
}

fn one_of(values: &[&str]) -> ObjectBuilder {
    text().enum_values(Some(values.iter().copied()))
}

fn number(minimum: u32) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(minimum));
    number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

fn position() -> ObjectBuilder {
    number(0)
}

fn limit(most: u32) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_u32)).maximum(Some(most));
    number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
}
