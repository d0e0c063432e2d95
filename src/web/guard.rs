//! Who may ask: until there is sign-in, browsers on this machine, and only for pages that they opened here.

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
};

use super::error::WebError;

/// Lets a request through, or refuses it.
///
/// # Errors
/// None of its own.
pub async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match refusal(&request) {
        Some(refusal) => Ok(request.error_response(refusal)),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn refusal(request: &ServiceRequest) -> Option<WebError> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = header("host").or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    // A page of another site can let its name point to this machine (DNS rebinding), but the name stays its own.
    if !host.is_some_and(is_this_machine) {
        return Some(WebError::ForeignHost);
    }
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // The API asks for a token, which a foreign page does not have.
    let bears_token = request.headers().contains_key(header::AUTHORIZATION);
    let ours = is_own_form(header("sec-fetch-site"), header("origin"), host.unwrap_or_default());
    (!only_reads && !bears_token && !ours).then_some(WebError::CrossSite)
}

/// Whether a Host header (with or without a port) means this machine.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let name = name.to_ascii_lowercase();
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

/// Whether a form was sent by a page of ours. Every browser of the last years sends one of the two headers with
/// a form, and no page can forge them.
fn is_own_form(fetch_site: Option<&str>, origin: Option<&str>, host: &str) -> bool {
    match (fetch_site, origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_scheme, from)| from == host),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:80",
            "a.localhost",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.0.2:8080",
            "notlocalhost",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_none_of_ours() {
        let host = "localhost:8080";
        assert!(is_own_form(Some("same-origin"), None, host));
        assert!(is_own_form(None, Some("http://localhost:8080"), host));
        for (site, origin) in [
            (Some("cross-site"), Some("http://localhost:8080")),
            (Some("same-site"), None),
            (Some("none"), None),
            (None, Some("http://localhost:9090")),
            (None, Some("null")),
            (None, None),
        ] {
            assert!(!is_own_form(site, origin, host), "{site:?} {origin:?}");
        }
    }
}
