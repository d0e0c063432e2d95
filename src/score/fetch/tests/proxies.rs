//! The way to an address: none, or through a proxy.

use std::{io::Write, net::SocketAddr, sync::Arc};

use rustls::{ServerConfig, ServerConnection, pki_types::PrivatePkcs8KeyDer};

use super::*;

#[test]
fn without_a_network_the_way_out_is_named() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut case = Case::new(vec![format!("http://{gone}/a")]);
    let message = case.fetch().unwrap_err().to_string();
    for part in ["no way to the internet", "go on serving", "HTTPS_PROXY", "models add FILE"] {
        assert!(message.contains(part), "{message}");
    }
    let message = Case::new(vec![]).fetch().unwrap_err().to_string();
    assert!(message.contains("names no address of weights.onnx"), "{message}");
}

/// What the environment says when `variable` names this proxy.
fn named(variable: &str, value: &str) -> Option<EnvProxy> {
    proxy::proxy(|asked| match asked {
        "NO_PROXY" => Some("127.0.0.1".into()),
        asked => (asked == variable).then(|| value.into()),
    })
    .unwrap()
}

#[test]
fn a_proxy_is_asked_for_the_way_to_the_address() {
    let proxy = Server::new(vec![Reply::new("403 Forbidden", "", b"")]);
    let mut case = Case::new(vec!["http://models.example/a".to_owned()]);
    let refused = case.fetch_with(1, named("HTTPS_PROXY", &proxy.address)).unwrap_err().to_string();
    let closed = format!("the proxy {} of HTTPS_PROXY does not open the way to it (", proxy.address);
    assert!(refused.contains(&format!("http://models.example/a: {closed}")), "{refused}");
    for part in ["403", "name and password in HTTPS_PROXY", "have it allow the host"] {
        assert!(refused.contains(part), "{refused}");
    }
    for part in ["may be away", "unset", "no way to the internet"] {
        assert!(!refused.contains(part), "{refused}");
    }
    assert!(proxy.asked().starts_with("connect models.example:80 "));
}

#[test]
fn a_proxy_that_is_away_is_named_without_its_password_and_with_its_variable() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = named("all_proxy", &format!("http://somebody:secret@{gone}"));
    let mut case = Case::new(vec!["https://models.example/a".to_owned()]);
    let message = case.fetch_with(1, proxy.clone()).unwrap_err().to_string();
    for part in
        [format!("through the proxy http://{gone} of all_proxy ("), "correct or unset all_proxy".to_owned()]
    {
        assert!(message.contains(&part), "{message}");
    }
    for part in ["secret", "somebody", "HTTPS_PROXY", "no way to the internet"] {
        assert!(!message.contains(part), "{message}");
    }
    // Who is asked without the proxy is not told of it.
    let message = Case::new(vec![format!("http://{gone}/a")]).fetch_with(1, proxy).unwrap_err().to_string();
    assert!(message.contains("no way to the internet") && !message.contains("all_proxy"), "{message}");
}

/// Where one connection is taken by a server whose certificate nobody vouches for.
fn self_signed() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The client ends it.
    std::thread::spawn(move || tls.complete_io(&mut listener.accept().unwrap().0).is_err());
    address
}

/// Where one connection is answered in plain HTTP.
fn plain() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    address
}

#[test]
fn who_is_not_trusted_is_not_asked_again_and_the_setting_is_named() {
    let message = Case::new(vec![format!("https://{}/a", self_signed())]).fetch().unwrap_err().to_string();
    assert!(
        message.contains("no encrypted connection with it is trusted (invalid peer certificate"),
        "{message}"
    );
    assert!(message.contains("SSL_CERT_FILE") && message.contains("Trying again does not help"), "{message}");

    let address = self_signed();
    let proxy = named("https_proxy", &format!("https://{address}"));
    let mut case = Case::new(vec!["https://models.example/a".to_owned()]);
    let message = case.fetch_with(3, proxy).unwrap_err().to_string();
    let through = format!(
        "no encrypted connection with it through the proxy https://{address} of https_proxy is trusted"
    );
    assert!(message.contains(&through), "{message}");
}

#[test]
fn who_speaks_no_tls_is_not_taken_for_somebody_without_a_certificate() {
    let message = Case::new(vec![format!("https://{}/a", plain())]).fetch().unwrap_err().to_string();
    assert!(
        message.contains("no encrypted connection with it comes about (received corrupt message"),
        "{message}"
    );
    assert!(message.contains("may speak plain HTTP. The models that serve"), "{message}");
    assert!(!message.contains("SSL_CERT_FILE"), "{message}");

    let address = plain();
    let proxy = named("HTTPS_PROXY", &format!("https://{address}"));
    let mut case = Case::new(vec!["https://models.example/a".to_owned()]);
    let message = case.fetch_with(3, proxy).unwrap_err().to_string();
    let through =
        format!("no encrypted connection with it through the proxy https://{address} of HTTPS_PROXY");
    assert!(message.contains(&through) && !message.contains("SSL_CERT_FILE"), "{message}");
    assert!(message.contains("write it as http://HOST:PORT in HTTPS_PROXY"), "{message}");
}
