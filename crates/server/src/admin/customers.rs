//! Customers.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bordereau_jobs::{Customer, Standing};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PageRequest, accounts, answer, body, gone, named, paged, valid};
use crate::names::{PathParts, part};
use crate::openapi::parameters;
use crate::problem::Problem;
use crate::routes::Site;

/// A page of customers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomersBody {
    /// In order of their names.
    customers: Vec<CustomerBody>,
    /// `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cursor: Option<String>,
}

/// A customer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerBody {
    /// Its name.
    name: String,
    /// Whether its users are kept out.
    disabled: bool,
    /// When it was added, RFC 3339.
    created: String,
}

/// A customer to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCustomerBody {
    /// Its name: 1 to 64 of a-z, 0-9, `_`, `-` and `.`.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    name: String,
}

/// What changes of a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomerChangeBody {
    /// Whether its users are kept out.
    disabled: bool,
}

impl From<Customer> for CustomerBody {
    fn from(customer: Customer) -> Self {
        let Customer { name, standing, created } = customer;
        Self { name: name.to_string(), disabled: standing == Standing::Disabled, created: created.to_string() }
    }
}

/// List customers.
///
/// In order of their names, in pages.
#[utoipa::path(
    get,
    operation_id = "list_customers",
    path = "/api/2/admin/customers",
    tag = "administration",
    params(parameters::AccountsPage),
    responses(
        (status = 200, description = "A page of customers.", body = CustomersBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn list(State(site): State<Site>, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let listed = async {
        let accounts = accounts(&site, headers).await?;
        let page = PageRequest::read(uri, "are after and limit", &[])?;
        let customers = accounts.list_customers(page.after.as_deref(), page.limit + 1).await?;
        let (customers, more) = paged(customers, page.limit);
        let cursor = customers.last().filter(|_| more).map(|customer| customer.name.to_string());
        Ok(CustomersBody { customers: customers.into_iter().map(CustomerBody::from).collect(), cursor })
    };
    answer(StatusCode::OK, listed.await)
}

/// Add a customer.
///
/// It has no users yet.
#[utoipa::path(
    post,
    operation_id = "add_customer",
    path = "/api/2/admin/customers",
    tag = "administration",
    request_body = NewCustomerBody,
    responses(
        (status = 201, description = "It is there.", body = CustomerBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
        (status = 409, description = "There is a customer of that name already."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn add(State(site): State<Site>, request: Request) -> Response {
    let added = async {
        let accounts = accounts(&site, request.headers()).await?;
        let new: NewCustomerBody = body(&site, request).await?;
        let name = valid(&new.name)?;
        accounts.add_customer(&name).await?;
        shown(&accounts, &name).await
    };
    answer(StatusCode::CREATED, added.await)
}

/// Disable or enable a customer.
///
/// Nobody gets in as a user of a customer that is disabled; what was accepted still runs. In force at once, also for
/// those who wait for events.
#[utoipa::path(
    patch,
    operation_id = "change_customer",
    path = "/api/2/admin/customers/{customer}",
    tag = "administration",
    params(parameters::OneCustomer),
    request_body = CustomerChangeBody,
    responses(
        (status = 200, description = "As it is now.", body = CustomerBody),
        (status = 400, description = "A query or body that is not what it must be."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
        (status = 409, description = "It is the customer of the administrator who asks."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn change(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let changed = async {
        let accounts = accounts(&site, request.headers()).await?;
        let name = named(&part(&parts, "customer")?)?;
        let change: CustomerChangeBody = body(&site, request).await?;
        accounts.set_customer_standing(&name, super::standing(change.disabled)).await?;
        shown(&accounts, &name).await
    };
    answer(StatusCode::OK, changed.await)
}

/// Remove a customer.
///
/// It must be disabled and have neither users nor batches any more.
#[utoipa::path(
    delete,
    operation_id = "remove_customer",
    path = "/api/2/admin/customers/{customer}",
    tag = "administration",
    params(parameters::OneCustomer),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "The user is no administrator."),
        (status = 404, description = "There is no such customer, user or token."),
        (status = 409, description = "It is not disabled, or has users or batches."),
    ),
    security(("basic" = [])),
)]
pub(crate) async fn remove(State(site): State<Site>, parts: PathParts, request: Request) -> Response {
    let headers = request.headers();
    let removed = async {
        let accounts = accounts(&site, headers).await?;
        Ok(accounts.remove_customer(&named(&part(&parts, "customer")?)?).await?)
    };
    gone(removed.await)
}

/// The customer as a list shows it.
async fn shown(
    accounts: &bordereau_jobs::Accounts<'_>,
    name: &bordereau_base::ids::CustomerName,
) -> Result<CustomerBody, Problem> {
    let customer = accounts.customer(name).await?.ok_or(Problem::NotFound)?;
    Ok(CustomerBody::from(customer))
}
