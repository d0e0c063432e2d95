//! Who may ask for what: each route of the [table](super::routes) names it, and nothing else decides it.

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};

use super::{Site, account::Caller, error::WebError, guard, session};
use crate::{
    domain::{Role, Token},
    store::tokens,
};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a look at who it is: it works while the database is away.
    Open,
    /// Everybody who can reach the service.
    Public,
    /// Everybody who is signed in.
    Annotator,
    /// Managers and admins.
    Manager,
    /// Admins.
    Admin,
    /// Programs on this machine, and whoever bears an admin's token.
    Machine,
}

impl Access {
    /// The role that it takes; none where it takes no sign-in.
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Open | Self::Public => None,
            Self::Annotator => Some(Role::Annotator),
            Self::Manager => Some(Role::Manager),
            Self::Admin | Self::Machine => Some(Role::Admin),
        }
    }
}

/// Lets a request through if its caller may use the route, or answers in the handler's place.
///
/// # Errors
/// None of its own.
pub async fn admit(
    access: Access,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if access == Access::Open {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let answer = match caller(&request).await {
        Err(error) => Some(error),
        Ok(caller) => {
            let refusal = refusal(access, caller.as_ref(), &request);
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            refusal
        }
    };
    match answer {
        None => Ok(next.call(request).await?.map_into_boxed_body()),
        Some(WebError::SignIn) if *request.method() == Method::GET && !is_api(&request) => {
            let response = to_sign_in(&request);
            Ok(request.into_response(response))
        }
        Some(WebError::SignIn) if is_api(&request) => Ok(request.error_response(WebError::Token)),
        Some(error) => Ok(request.error_response(error)),
    }
}

fn refusal(access: Access, caller: Option<&Caller>, request: &ServiceRequest) -> Option<WebError> {
    let required = access.role()?;
    match caller {
        Some(caller) if caller.role >= required => None,
        _ if access == Access::Machine && guard::is_from_this_machine(request) => None,
        Some(_) => Some(WebError::Role),
        None => Some(WebError::SignIn),
    }
}

/// Whoever asks. A token that is presented counts, and a wrong one is no anonymous visitor.
async fn caller(request: &ServiceRequest) -> Result<Option<Caller>, WebError> {
    if let Some(token) = presented(request) {
        let site =
            request.app_data::<Data<Site>>().ok_or_else(|| WebError::internal("the server has no site"))?;
        let mut conn = site.pool.acquire().await?;
        let bearer = tokens::bearer(&mut conn, &token).await?.ok_or(WebError::Token)?;
        return Ok(Some(Caller {
            annotator: None,
            token: Some(bearer.id),
            name: bearer.name,
            role: bearer.role,
        }));
    }
    let signed_in = session::signed_in(request);
    Ok(signed_in.map(|who| Caller { annotator: Some(who.id), token: None, name: who.name, role: who.role }))
}

/// The token that is presented, right or wrong; other kinds of `Authorization` are a proxy's matter.
pub(super) fn presented(request: &ServiceRequest) -> Option<Token> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::presented(token.trim()))
}

fn is_api(request: &ServiceRequest) -> bool {
    let base_path = request.app_data::<Data<Site>>().map_or("", |site| &site.base_path);
    let path = request.path().strip_prefix(base_path).unwrap_or_default();
    path.starts_with("/api/") || path == "/metrics"
}

/// To the sign-in page, and from there back to where one wanted to go.
fn to_sign_in(request: &ServiceRequest) -> HttpResponse {
    let base_path = request.app_data::<Data<Site>>().map_or("", |site| &site.base_path);
    let wanted = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let wanted = wanted.strip_prefix(base_path).unwrap_or("/");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !matches!(wanted, "" | "/") {
        query.append_pair("next", wanted);
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, format!("{base_path}/sign-in{mark}{query}")))
        .finish()
}
