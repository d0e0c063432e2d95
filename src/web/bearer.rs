//! Whoever asks the API shows a token.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};
use futures_util::future::LocalBoxFuture;

use super::{Site, error::WebError};
use crate::store::tokens::{self, Token};

/// A bearer who may see the catalog: a manager or an admin. An annotator may not, as what the models and others
/// say would colour the votes.
#[derive(Clone, Copy, Debug)]
pub struct Reader;

impl FromRequest for Reader {
    type Error = WebError;
    type Future = LocalBoxFuture<'static, Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = presented(request);
        let site = request.app_data::<Data<Site>>().cloned();
        Box::pin(async move {
            let site = site.ok_or_else(|| WebError::internal("the server has no site"))?;
            let token = token.ok_or(WebError::Token)?;
            let mut conn = site.pool.acquire().await?;
            match tokens::role_of(&mut conn, &token).await?.as_deref() {
                Some("manager" | "admin") => Ok(Self),
                Some(_) => Err(WebError::Role),
                None => Err(WebError::Token),
            }
        })
    }
}

fn presented(request: &HttpRequest) -> Option<Token> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Token::presented(token.trim()))
}
