//! Forms are ours: a request that changes something comes from a page of this service, or bears a token.
//!
//! Why headers and no token in each form: `docs/decisions/cross-site.md`.

use std::net::IpAddr;

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::Next,
    web::Data,
};

use super::{Site, access, error::WebError};

/// Lets a request through, or refuses it. After one that may change something nothing that was counted before is shown.
///
/// # Errors
/// None of its own.
pub async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let only_reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // A token is shown by a program; a foreign page has none.
    let bears_token = access::presented(&request).is_some();
    if !(only_reads || bears_token || is_own_form(&request)) {
        return Ok(request.error_response(WebError::CrossSite));
    }
    let site = request.app_data::<Data<Site>>().cloned();
    let response = next.call(request).await?.map_into_boxed_body();
    if let Some(site) = site.filter(|_| !only_reads) {
        site.counts.changed();
    }
    Ok(response)
}

fn is_own_form(request: &ServiceRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let host = request.app_data::<Data<Site>>().and_then(|site| site.proxies.host(request.request()));
    is_own(header("sec-fetch-site"), header("origin"), host.unwrap_or_default())
}

/// Whether a form was sent by a page of ours. Every browser of the last years sends one of the two headers with
/// a form, and no page can forge them.
fn is_own(fetch_site: Option<&str>, origin: Option<&str>, host: &str) -> bool {
    match (fetch_site, origin) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.split_once("://").is_some_and(|(_scheme, from)| from == host),
        (None, None) => false,
    }
}

/// Whether a program on this machine asks, under a name of this machine: a foreign page whose name was made to
/// point here (DNS rebinding) still sends its own name.
pub fn is_from_this_machine(request: &ServiceRequest) -> bool {
    let Some(site) = request.app_data::<Data<Site>>() else { return false };
    let is_local = site.proxies.client(request.request()).is_some_and(|client| client.is_loopback());
    is_local && site.proxies.host(request.request()).is_some_and(is_this_machine)
}

/// Whether a Host header (with or without a port) means this machine.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = address.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let name = name.to_ascii_lowercase();
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_mean_it() {
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
        assert!(is_own(Some("same-origin"), None, host));
        assert!(is_own(None, Some("http://localhost:8080"), host));
        for (site, origin) in [
            (Some("cross-site"), Some("http://localhost:8080")),
            (Some("same-site"), None),
            (Some("none"), None),
            (None, Some("http://localhost:9090")),
            (None, Some("null")),
            (None, None),
        ] {
            assert!(!is_own(site, origin, host), "{site:?} {origin:?}");
        }
    }
}
