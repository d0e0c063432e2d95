//! Who asks.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};

use super::error::WebError;
use crate::domain::{AnnotatorId, Role};

/// Whoever a request comes from: somebody who is signed in, or a program that bears a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who; none for a token.
    pub annotator: Option<AnnotatorId>,
    /// The token that was shown; none for somebody who is signed in.
    pub token: Option<i64>,
    /// Their name, or what the token is for.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Caller {
    /// The caller as `annotator:<id>` or `token:<id>`.
    pub fn actor(&self) -> String {
        match (self.annotator, self.token) {
            (Some(id), _) => format!("annotator:{id}"),
            (None, Some(id)) => format!("token:{id}"),
            (None, None) => "nobody".to_owned(),
        }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub id: AnnotatorId,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl FromRequest for Caller {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    /// [`super::access`] has put it there, or has refused the request.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or(WebError::SignIn))
    }
}

impl FromRequest for Account {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let account = match request.extensions().get::<Caller>() {
            None => Err(WebError::SignIn),
            Some(Caller { annotator: None, .. }) => Err(WebError::Person),
            Some(Caller { annotator: Some(id), name, role, .. }) => {
                Ok(Self { id: *id, name: name.clone(), role: *role })
            }
        };
        ready(account)
    }
}
