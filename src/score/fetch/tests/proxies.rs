//! The way to an address: none, or through a proxy.

use std::io::Write;

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
    let through = format!("it cannot be reached through the proxy {} of HTTPS_PROXY", proxy.address);
    assert!(refused.contains(&format!("http://models.example/a: {through}")), "{refused}");
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

#[test]
fn who_is_not_trusted_is_not_asked_again_and_the_setting_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut case = Case::new(vec![format!("https://{}/a", listener.local_addr().unwrap())]);
    std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("no encrypted connection with it is trusted"), "{message}");
    assert!(message.contains("SSL_CERT_FILE") && message.contains("Trying again does not help"), "{message}");
}
