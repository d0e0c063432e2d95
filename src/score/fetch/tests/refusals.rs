//! What is not the file is not taken, and what is said then follows from what it was.

use super::*;

#[test]
fn a_wrong_checksum_is_never_installed_and_the_next_address_is_asked() {
    let (wrong, right) = (vec![7; weights().len()], weights());
    let server = Server::new(vec![Reply::new("200 OK", "", &wrong), Reply::new("200 OK", "", &right)]);
    let mut case = Case::new(vec![server.url("wrong"), server.url("right")]);
    assert_eq!(case.fetch().unwrap().url, server.url("right"));
    case.assert_whole();
    assert!(case.events[1].contains(&ContentHash::of(&wrong).to_string()), "{:?}", case.events);
}

#[test]
fn a_wrong_checksum_everywhere_leaves_the_weights_that_were_there() {
    let wrong = vec![7; weights().len()];
    let server = Server::new(vec![Reply::new("200 OK", "", &wrong)]);
    let mut case = Case::new(vec![server.url("a")]);
    fs::write(&case.network.file, "what was there").unwrap();
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("was thrown away") && message.contains("go on serving"), "{message}");
    assert_eq!(fs::read_to_string(&case.network.file).unwrap(), "what was there");
    assert!(!case.part().exists(), "nothing arrived that could be gone on from");
}

#[test]
fn an_address_that_lost_the_file_is_asked_once_and_the_second_one_answers() {
    let server =
        Server::new(vec![Reply::new("404 Not Found", "", b"no"), Reply::new("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("old"), server.url("new")]);
    case.fetch().unwrap();
    case.assert_whole();
    assert_eq!(case.events[1], "gave up: it answered 404 (not there)");
}

#[test]
fn a_server_in_trouble_is_asked_again_when_it_says() {
    let busy = Reply::new("503 Service Unavailable", "Retry-After: 0\r\n", b"");
    let server = Server::new(vec![busy, Reply::new("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
}

#[test]
fn an_address_that_leads_on_without_end_is_no_sign_of_a_missing_network() {
    let astray = || Reply::new("302 Found", "Location: again\r\n", b"");
    let server = Server::new((0..20).map(|_| astray()).collect());
    let mut case = Case::new(vec![server.url("a")]);
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("from one address to the next"), "{message}");
    assert!(message.contains("Trying again does not help") && !message.contains("HTTPS_PROXY"), "{message}");
}

#[test]
fn patience_ends() {
    let busy = || Reply::new("503 Service Unavailable", "", b"");
    let server = Server::new(vec![busy(), busy(), busy()]);
    let mut case = Case::new(vec![server.url("a")]);
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("503 (trouble at the server)"), "{message}");
    assert_eq!(case.events.iter().filter(|event| event.starts_with("asking")).count(), 3);
}

#[test]
fn a_git_lfs_pointer_is_recognised_whether_its_length_is_announced_or_not() {
    for reply in [Reply::new("200 OK", "", &pointer()), Reply::endless("200 OK", "", &pointer())] {
        let server = Server::new(vec![reply, Reply::new("200 OK", "", &weights())]);
        let mut case = Case::new(vec![server.url("pointer"), server.url("file")]);
        case.fetch().unwrap();
        case.assert_whole();
        assert!(case.events[1].starts_with("gave up: it gave a Git LFS pointer"), "{:?}", case.events);
    }
}

#[test]
fn more_bytes_than_the_manifest_names_are_not_taken() {
    let long = [weights(), vec![0; 9]].concat();
    let announced = Server::new(vec![Reply::new("200 OK", "", &long)]);
    let mut case = Case::new(vec![announced.url("a")]);
    assert!(case.fetch().unwrap_err().to_string().contains("it has 200 bytes"));
    let unannounced = Server::new(vec![Reply::endless("200 OK", "", &long)]);
    let mut case = Case::new(vec![unannounced.url("a")]);
    assert!(case.fetch().unwrap_err().to_string().contains("more than the 191 bytes"));
    assert!(!case.network.file.exists());
}

#[test]
fn trying_again_is_advised_where_it_may_help_and_nowhere_else() {
    let (wrong, long) = (vec![7; weights().len()], [weights(), vec![0; 9]].concat());
    let ends = |replies: Vec<Reply>| {
        let server = Server::new(replies);
        let mut case = Case::new(vec![server.url("a"), server.url("b")]);
        case.fetch_with(1, None).unwrap_err().to_string()
    };
    let lost = || Reply::new("404 Not Found", "", b"");
    for reply in [
        Reply::new("200 OK", "", &wrong),
        Reply::new("200 OK", "", &long),
        Reply::new("200 OK", "", &weights()[..90]),
        Reply::new("200 OK", "", &pointer()),
        Reply::endless("200 OK", "Content-Type: text/html\r\n", b"<p>Sign in</p>"),
        lost(),
    ] {
        let message = ends(vec![lost(), reply]);
        assert!(message.contains("Trying again does not help") && message.contains("`urls`"), "{message}");
        let wanted = format!("bring weights.onnx (191 bytes, SHA-256 {})", network("tiny-watch").sha256);
        assert!(message.contains(&wanted) && message.ends_with("`chronograde models add FILE`"), "{message}");
        assert!(!message.to_lowercase().contains("try again"), "{message}");
    }
    for reply in [cut_after(100, TAG), Reply::new("503 Service Unavailable", "", b"")] {
        let message = ends(vec![lost(), reply]);
        assert!(message.contains("Try again later, or fetch http://127.0.0.1:"), "{message}");
        assert!(message.contains("/b elsewhere") && !message.contains("does not help"), "{message}");
    }
}
