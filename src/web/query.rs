//! The query of an address, read into the parameters of a page; a mistake is told with the parameter's name.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use super::error::WebError;

/// The parameters of a request, as `T` has them.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// Reads `query`, without its question mark.
///
/// # Errors
/// A parameter that is unknown, missing or not understood.
pub fn read<T: DeserializeOwned>(query: &str) -> Result<T, WebError> {
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let (name, problem) = (error.path().to_string(), error.inner().to_string());
        // An unknown parameter is named by its problem, and one that is missing has no place.
        let is_named = error.path().iter().next().is_none() || problem.contains(&format!("`{name}`"));
        WebError::Parameter(if is_named { problem } else { format!("{name}: {problem}") })
    })
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request.query_string()).map(Self).map_err(Error::from))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Watch {
        #[default]
        Yes,
        No,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        #[serde(default)]
        watch: Watch,
        limit: u16,
    }

    #[test]
    fn a_query_is_read_and_a_mistake_has_the_name_of_its_parameter() {
        let problem = |query| read::<Parameters>(query).unwrap_err().to_string();
        assert_eq!(
            read::<Parameters>("limit=3&watch=no").unwrap(),
            Parameters { watch: Watch::No, limit: 3 }
        );
        assert_eq!(problem("limit=many"), "limit: invalid digit found in string");
        assert_eq!(problem("limit=3&watch=foo"), "watch: unknown variant `foo`, expected `yes` or `no`");
        assert_eq!(problem("limit=3&what=foo"), "unknown field `what`, expected `watch` or `limit`");
        assert_eq!(problem("watch=no"), "missing field `limit`");
        assert_eq!(problem("limit=3&limit=4"), "duplicate field `limit`");
    }
}
