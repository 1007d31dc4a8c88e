//! Users.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bordereau_base::ids::CustomerName;
use bordereau_jobs::{Accounts, Grant, Password, Standing, User, UserName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PageRequest, accounts, answer, body, gone, named, paged, standing, valid, valid_all};
use crate::names::{PathParts, part};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::routes::Site;

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsersBody {
    /// In order of their names.
    users: Vec<UserBody>,
    /// `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cursor: Option<String>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserBody {
    /// The name, unique over all customers.
    name: String,
    /// The customer the user belongs to.
    customer: String,
    /// `integrator`, `analyst`, `testUser` or `administrator`.
    role: &'static str,
    /// Whether the user is kept out.
    disabled: bool,
    /// What the user may use: `solution/submission`, each may be `*`.
    grants: Vec<String>,
}

/// A user to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    /// 1 to 128 of letters, digits and `. _ - + @`.
    #[schema(pattern = "^[A-Za-z0-9._+@-]{1,128}$")]
    name: String,
    /// The customer the user belongs to.
    customer: String,
    /// 8 to 1024 characters.
    #[schema(min_length = 8, max_length = 1024)]
    password: String,
    /// `integrator` (when absent), `analyst`, `testUser` or `administrator`.
    role: Option<String>,
    /// What the user may use, such as `insureright/*`; everything when absent.
    grants: Option<Vec<String>>,
}

/// What changes of a user; what is absent or null stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChangeBody {
    /// The new password, 8 to 1024 characters. Tokens stay.
    #[schema(min_length = 8, max_length = 1024)]
    password: Option<String>,
    /// The new role.
    role: Option<String>,
    /// All that the user may use from now on.
    grants: Option<Vec<String>>,
    /// Whether the user is kept out.
    disabled: Option<bool>,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            name: user.name.to_string(),
            customer: user.customer.to_string(),
            role: user.role.as_str(),
            disabled: user.standing == Standing::Disabled,
            grants: user.grants.iter().map(Grant::to_string).collect(),
        }
    }
}

/// List users.
///
/// In order of their names, in pages.
#[utoipa::path(
    get,
    operation_id = "list_users",
    path = "/api/2/admin/users",
    tag = "administration",
    params(parameters::OfCustomer, parameters::AccountsPage),
    responses(
        (status = 200, description = "A page of users.", body = UsersBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn list(State(site): State<Site>, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let listed = async {
        let accounts = accounts(&site, headers).await?;
        let page = PageRequest::read(uri, "are customer, after and limit", &["customer"])?;
        let customer: Option<CustomerName> = page.parsed_customer()?;
        let users = accounts.list_users(customer.as_ref(), page.after.as_deref(), page.limit + 1).await?;
        let (users, more) = paged(users, page.limit);
        let cursor = users.last().filter(|_| more).map(|user| user.name.to_string());
        Ok(UsersBody { users: users.into_iter().map(UserBody::from).collect(), cursor })
    };
    answer(StatusCode::OK, listed.await)
}

/// Add a user.
///
/// The password is stored as a hash and shown to nobody.
#[utoipa::path(
    post,
    operation_id = "add_user",
    path = "/api/2/admin/users",
    tag = "administration",
    request_body = NewUserBody,
    responses(
        (status = 201, description = "The user is there.", body = UserBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer."),
        (status = 409, description = "There is a user of that name already."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn add(State(site): State<Site>, request: Request) -> Response {
    let added = async {
        let accounts = accounts(&site, request.headers()).await?;
        let new: NewUserBody = body(&site, request).await?;
        let grants = new.grants.as_deref().map(valid_all::<Grant>).transpose()?;
        let role = new.role.as_deref().map(valid).transpose()?.unwrap_or_default();
        let grants = grants.unwrap_or_else(|| vec![Grant::ALL]);
        let user = User { role, ..User::new(valid(&new.name)?, valid(&new.customer)?, grants) };
        accounts.add_user(&user, Password::chosen(new.password).map_err(bordereau_jobs::Error::from)?).await?;
        shown(&accounts, &user.name).await
    };
    answer(StatusCode::CREATED, added.await)
}

/// Look at a user.
///
/// Role, grants and whether the user is kept out.
#[utoipa::path(
    get,
    operation_id = "show_user",
    path = "/api/2/admin/users/{user}",
    tag = "administration",
    params(parameters::OneUser),
    responses(
        (status = 200, description = "The user.", body = UserBody),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn show(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let found = async {
        let accounts = accounts(&site, headers).await?;
        shown(&accounts, &named(&part(&parts, "user")?)?).await
    };
    answer(StatusCode::OK, found.await)
}

/// Change a user.
///
/// Password, role, grants, or whether the user is kept out. In force at once, also for those who wait for events.
#[utoipa::path(
    patch,
    operation_id = "change_user",
    path = "/api/2/admin/users/{user}",
    tag = "administration",
    params(parameters::OneUser),
    request_body = UserChangeBody,
    responses(
        (status = 200, description = "As the user is now.", body = UserBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
        (status = 409, description = "An administrator would demote or disable itself."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn change(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let changed = async {
        let accounts = accounts(&site, request.headers()).await?;
        let name: UserName = named(&part(&parts, "user")?)?;
        apply(&accounts, &name, body(&site, request).await?).await?;
        shown(&accounts, &name).await
    };
    answer(StatusCode::OK, changed.await)
}

/// All values are looked at before the first is changed.
async fn apply(accounts: &Accounts<'_>, name: &UserName, change: UserChangeBody) -> Result<(), Problem> {
    let role = change.role.as_deref().map(valid).transpose()?;
    let grants = change.grants.as_deref().map(valid_all::<Grant>).transpose()?;
    let password = change.password.map(Password::chosen).transpose().map_err(bordereau_jobs::Error::from)?;
    if let Some(role) = role {
        accounts.set_role(name, role).await?;
    }
    if let Some(disabled) = change.disabled {
        accounts.set_user_standing(name, standing(disabled)).await?;
    }
    if let Some(grants) = grants {
        accounts.set_grants(name, &grants).await?;
    }
    if let Some(password) = password {
        accounts.set_password(name, password).await?;
    }
    Ok(())
}

/// Remove a user.
///
/// The user's tokens go too; what it sent stays.
#[utoipa::path(
    delete,
    operation_id = "remove_user",
    path = "/api/2/admin/users/{user}",
    tag = "administration",
    params(parameters::OneUser),
    responses(
        (status = 204, description = "The user is gone."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
        (status = 409, description = "It is the administrator who asks."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn remove(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let removed = async {
        let accounts = accounts(&site, headers).await?;
        Ok(accounts.remove_user(&named(&part(&parts, "user")?)?).await?)
    };
    gone(removed.await)
}

/// The user as a list shows it.
async fn shown(accounts: &Accounts<'_>, name: &UserName) -> Result<UserBody, Problem> {
    Ok(UserBody::from(accounts.user(name.as_str()).await?.ok_or(Problem::NotFound)?))
}
