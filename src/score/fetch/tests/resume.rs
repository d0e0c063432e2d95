//! What arrived is gone on from, whatever comes in between.

use super::*;

#[test]
fn the_file_arrives_in_its_place_and_nothing_else_is_left() {
    let server = Server::new(vec![Reply::new("200 OK", TAG, &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    assert!(!Fetcher::is_there(&case.network).unwrap());
    assert_eq!(case.fetch().unwrap().url, server.url("a"));
    case.assert_whole();
    let asked = server.asked();
    assert!(asked.contains("get /a ") && !asked.contains("range"), "{asked}");
}

#[test]
fn a_cut_connection_is_resumed_where_it_ended() {
    let server = Server::new(vec![cut_after(100, TAG), rest(100, TAG)]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
    server.asked();
    let second = server.asked();
    assert!(second.contains("range: bytes=100-") && second.contains("if-range: \"one\""), "{second}");
    assert_eq!(
        case.events,
        ["asking with 0", "pausing: the connection ended after 100 of 191 bytes", "asking with 100"]
    );
}

#[test]
fn a_later_call_goes_on_where_an_earlier_one_ended() {
    let server = Server::new(vec![cut_after(150, TAG), rest(150, TAG)]);
    let mut case = Case::new(vec![server.url("a")]);
    let message = case.fetch_with(1, None).unwrap_err().to_string();
    assert!(
        message.contains("The 150 of 191 bytes that arrived are kept, and a later pull goes on there"),
        "{message}"
    );
    assert!(!case.network.file.exists());
    case.fetch().unwrap();
    case.assert_whole();
}

#[test]
fn a_part_is_completed_from_another_address_without_its_validator() {
    let (first, second) = (Server::new(vec![cut_after(40, TAG)]), Server::new(vec![rest(40, "")]));
    let mut case = Case::new(vec![first.url("a"), second.url("b")]);
    assert_eq!(case.fetch_with(1, None).unwrap().url, second.url("b"));
    case.assert_whole();
    let asked = second.asked();
    assert!(asked.contains("range: bytes=40-") && !asked.contains("if-range"), "{asked}");
}

#[test]
fn a_server_without_ranges_sends_the_whole_file_again() {
    let server = Server::new(vec![cut_after(100, ""), Reply::new("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
}

#[test]
fn a_part_of_another_file_is_noticed_by_the_checksum_and_fetched_anew() {
    let server = Server::new(vec![rest(100, ""), Reply::new("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    fs::write(case.part(), [0; 100]).unwrap();
    case.fetch().unwrap();
    case.assert_whole();
    assert!(case.events[1].starts_with("pausing: what it gave has the SHA-256"), "{:?}", case.events);
    assert_eq!(case.events[2], "asking with 0");
}

#[test]
fn a_part_that_the_server_cannot_continue_is_given_up() {
    let refused = Reply::new("416 Range Not Satisfiable", "", b"");
    let server = Server::new(vec![refused, Reply::new("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    fs::write(case.part(), [0; 100]).unwrap();
    case.fetch().unwrap();
    case.assert_whole();
}

#[test]
fn another_part_than_was_asked_for_is_not_used() {
    let server = Server::new(vec![cut_after(100, TAG), rest(50, TAG), Reply::new("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
    assert!(case.events[3].contains("another part of the file"), "{:?}", case.events);
}

#[test]
fn redirects_are_followed_with_the_range() {
    let elsewhere = Server::new(vec![rest(100, TAG)]);
    let moved = format!("Location: {}\r\n", elsewhere.url("b"));
    let server = Server::new(vec![cut_after(100, TAG), Reply::new("302 Found", &moved, b"")]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
    let asked = elsewhere.asked();
    assert!(asked.contains("get /b ") && asked.contains("range: bytes=100-"), "{asked}");
}

#[test]
fn a_page_in_place_of_the_file_does_not_cost_what_arrived_already() {
    let page = Reply::new("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b"<p>Sign in</p>");
    let server = Server::new(vec![cut_after(100, TAG), page, rest(100, TAG)]);
    let mut case = Case::new(vec![server.url("a"), server.url("b")]);
    case.fetch().unwrap();
    case.assert_whole();
    assert_eq!(case.events[3], "gave up: it has 14 bytes of text/html, not the 191 of the manifest");
}

/// What a server says to who asks for a file and gets something else, without saying how long that is.
fn endless(kind: &str, text: &str) -> Reply {
    Reply::endless("200 OK", &format!("Content-Type: {kind}\r\n"), text.as_bytes())
}

#[test]
fn a_page_without_a_length_does_not_cost_what_arrived_already() {
    let page = endless("Text/HTML; charset=utf-8", &"<p>Sign in</p>".repeat(20));
    let server = Server::new(vec![cut_after(100, TAG), page, rest(100, TAG)]);
    let mut case = Case::new(vec![server.url("a"), server.url("b")]);
    case.fetch().unwrap();
    case.assert_whole();
    assert_eq!(case.events[3], "gave up: it gave a page (Text/HTML), not the file");
    assert_eq!(case.events[4], "asking with 100");
}

#[test]
fn an_error_without_a_length_costs_nothing_and_is_not_gone_on_from() {
    let error = || endless("application/json", "{\"error\": 1}");
    let server = Server::new(vec![error(), cut_after(100, TAG), error(), rest(100, TAG)]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
    let ended = "pausing: the connection ended after";
    assert_eq!(
        case.events,
        [
            "asking with 0",
            &format!("{ended} 12 of 191 bytes"),
            "asking with 0",
            &format!("{ended} 100 of 191 bytes"),
            "asking with 100",
            &format!("{ended} 12 of 191 bytes"),
            "asking with 100"
        ]
    );
}

#[test]
fn a_file_without_a_length_takes_the_place_of_what_arrived_once_it_is_more() {
    let server = Server::new(vec![cut_after(100, TAG), Reply::endless("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    case.fetch().unwrap();
    case.assert_whole();
    // What was there is another file: nothing of it is in what is installed.
    let server = Server::new(vec![Reply::endless("200 OK", "", &weights())]);
    let mut case = Case::new(vec![server.url("a")]);
    fs::write(case.part(), [0; 100]).unwrap();
    case.fetch().unwrap();
    case.assert_whole();
    assert_eq!(case.events, ["asking with 100"]);
}

#[test]
fn a_file_is_fetched_by_one_process_at_a_time() {
    let mut case = Case::new(vec!["http://127.0.0.1:1/a".to_owned()]);
    let _other = Partial::open(&case.network.file).unwrap();
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("is being fetched right now"), "{message}");
}

#[test]
fn a_fetch_is_stopped_in_its_pause_and_goes_on_there_later() {
    let server = Server::new(vec![cut_after(100, TAG), rest(100, TAG)]);
    let mut case = Case::new(vec![server.url("a")]);
    let stop = CancellationToken::new();
    let patience = Patience { tries: 3, first_pause: Duration::from_secs(3600) };
    let fetcher = Fetcher::new(patience).unwrap().until(stop.clone());
    let stopped = fetcher.fetch(&case.network, &mut |event| {
        if matches!(event, Event::Pausing { .. }) {
            stop.cancel();
        }
    });
    assert!(matches!(stopped, Err(FetchError::Stopped)), "{stopped:?}");
    assert_eq!(fs::metadata(case.part()).unwrap().len(), 100);
    assert!(matches!(case.fetch_by(&fetcher), Err(FetchError::Stopped)), "and asks nobody");
    assert_eq!(case.events, [""; 0]);
    case.fetch().unwrap();
    case.assert_whole();
}
