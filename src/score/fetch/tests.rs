//! Fetching from a server that answers as each test says.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener},
    path::PathBuf,
    sync::mpsc::{Receiver, channel},
};

use tokio_util::sync::CancellationToken;
use ureq::Proxy;

use super::*;
use crate::{
    domain::ContentHash,
    score::{
        Catalogue,
        tests::{models, network},
    },
};

/// One answer: status and headers as they are sent, then the body; the connection ends after it.
struct Reply(String, Vec<u8>);

impl Reply {
    /// An answer that announces its length.
    fn new(status: &str, headers: &str, body: &[u8]) -> Self {
        Self::announcing(body.len(), status, headers, body)
    }

    /// An answer that announces another length than it has.
    fn announcing(bytes: usize, status: &str, headers: &str, body: &[u8]) -> Self {
        Self(format!("HTTP/1.1 {status}\r\nContent-Length: {bytes}\r\n{headers}"), body.to_vec())
    }

    /// An answer that ends with the connection.
    fn endless(status: &str, headers: &str, body: &[u8]) -> Self {
        Self(format!("HTTP/1.1 {status}\r\n{headers}"), body.to_vec())
    }
}

/// A server that gives these replies, one per connection, and then is gone.
struct Server {
    address: String,
    asked: Receiver<String>,
}

impl Server {
    fn new(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            for Reply(head, body) in replies {
                let (mut stream, _) = listener.accept().unwrap();
                let request: Vec<String> = BufReader::new(&stream)
                    .lines()
                    .map(Result::unwrap)
                    .take_while(|line| !line.is_empty())
                    .collect();
                tell.send(request.join("\n").to_lowercase()).unwrap();
                write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
                // The client may have heard enough.
                let _ = stream.write_all(&body).and_then(|()| stream.shutdown(Shutdown::Both));
            }
        });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    /// The next request, in small letters.
    fn asked(&self) -> String {
        self.asked.try_recv().unwrap()
    }
}

/// The tiny watch model with its weights elsewhere.
struct Case {
    folder: tempfile::TempDir,
    network: Network,
    weights: Vec<u8>,
    events: Vec<String>,
}

impl Case {
    fn new(urls: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let there = network("tiny-watch");
        let network = Network { file: folder.path().join("weights.onnx"), urls, ..there.clone() };
        Self { folder, network, weights: fs::read(there.file).unwrap(), events: Vec::new() }
    }

    fn fetch_with(&mut self, tries: u32, proxy: Option<Proxy>) -> Result<Fetched, FetchError> {
        let patience = Patience { tries, first_pause: Duration::ZERO };
        let agent = address::agent(proxy).unwrap();
        self.fetch_by(&Fetcher { agent, patience, stop: CancellationToken::new() })
    }

    fn fetch_by(&mut self, fetcher: &Fetcher) -> Result<Fetched, FetchError> {
        let events = &mut self.events;
        fetcher.fetch(&self.network, &mut |event| match event {
            Event::Asking { there, .. } => events.push(format!("asking with {there}")),
            Event::Progress(_) => {}
            Event::Pausing { problem, .. } => events.push(format!("pausing: {problem}")),
            Event::GaveUp { problem, .. } => events.push(format!("gave up: {problem}")),
        })
    }

    fn fetch(&mut self) -> Result<Fetched, FetchError> {
        self.fetch_with(3, None)
    }

    fn part(&self) -> PathBuf {
        self.folder.path().join("weights.onnx.part")
    }

    /// The weights are in their place, and nothing else is left.
    fn assert_whole(&self) {
        assert_eq!(fs::read(&self.network.file).unwrap(), self.weights);
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1);
        assert!(Fetcher::is_there(&self.network).unwrap());
    }
}

/// The bytes of the tiny watch model.
fn weights() -> Vec<u8> {
    fs::read(network("tiny-watch").file).unwrap()
}

fn pointer() -> Vec<u8> {
    let text = "version https://git-lfs.github.com/spec/v1\noid sha256:3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526\nsize 191\n";
    text.as_bytes().to_vec()
}

const TAG: &str = "ETag: \"one\"\r\n";

/// The rest of the weights from `first`.
fn rest(first: usize, headers: &str) -> Reply {
    let whole = weights();
    let range = format!("Content-Range: bytes {first}-{}/{}\r\n{headers}", whole.len() - 1, whole.len());
    Reply::new("206 Partial Content", &range, &whole[first..])
}

/// The weights until the connection is cut after `bytes`.
fn cut_after(bytes: usize, headers: &str) -> Reply {
    let whole = weights();
    Reply::announcing(whole.len(), "200 OK", headers, &whole[..bytes])
}

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
    assert!(message.contains("150 of 191 bytes") && message.contains("what arrived is kept"), "{message}");
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
fn patience_ends() {
    let busy = || Reply::new("503 Service Unavailable", "", b"");
    let server = Server::new(vec![busy(), busy(), busy()]);
    let mut case = Case::new(vec![server.url("a")]);
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("503 (trouble at the server)"), "{message}");
    assert_eq!(case.events.iter().filter(|event| event.starts_with("asking")).count(), 3);
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

#[test]
fn a_file_is_fetched_by_one_process_at_a_time() {
    let mut case = Case::new(vec!["http://127.0.0.1:1/a".to_owned()]);
    let _other = Partial::open(&case.network.file).unwrap();
    let message = case.fetch().unwrap_err().to_string();
    assert!(message.contains("another process is fetching"), "{message}");
}

#[test]
fn a_proxy_is_asked_for_the_way_to_the_address() {
    let proxy = Server::new(vec![Reply::new("403 Forbidden", "", b"")]);
    let mut case = Case::new(vec!["http://models.example/a".to_owned()]);
    let refused = case.fetch_with(1, Some(Proxy::new(&proxy.address).unwrap())).unwrap_err();
    assert!(refused.to_string().contains("http://models.example/a: it cannot be reached"), "{refused}");
    assert!(proxy.asked().starts_with("connect models.example:80 "));
}

/// A folder with the manifest of the tiny watch model, whose weights are not there.
fn catalogue() -> (tempfile::TempDir, Catalogue) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tiny-watch.toml", "tiny-labels.txt"] {
        fs::copy(models().join(name), folder.path().join(name)).unwrap();
    }
    let catalogue = Catalogue::read(folder.path()).unwrap();
    (folder, catalogue)
}

#[test]
fn a_file_that_somebody_brings_finds_its_manifest_by_its_bytes() {
    let (folder, catalogue) = catalogue();
    let elsewhere = tempfile::tempdir().unwrap();
    let brought = elsewhere.path().join("download (1).onnx");
    fs::write(&brought, weights()).unwrap();
    let network = catalogue.get("tiny-watch").unwrap().network().unwrap();
    let expected = [Added { name: "tiny-watch".to_owned(), file: network.file.clone() }];
    assert_eq!(add(&catalogue, &brought).unwrap(), expected);
    assert!(Fetcher::is_there(network).unwrap() && brought.exists());
    // Brought again, or by hand to where it belongs: nothing breaks.
    assert_eq!(add(&catalogue, &network.file).unwrap(), expected);
    assert!(Fetcher::is_there(network).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_file_that_no_manifest_names_is_told_what_differs() {
    let (_folder, catalogue) = catalogue();
    let elsewhere = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = elsewhere.path().join(name);
        fs::write(&path, bytes).unwrap();
        add(&catalogue, &path).unwrap_err().to_string()
    };
    let damaged = refused("damaged.onnx", &vec![1; weights().len()]);
    assert!(damaged.contains("the size that tiny-watch wants") && damaged.contains("damaged"), "{damaged}");
    let incomplete = refused("tiny-means.onnx", &weights()[..90]);
    assert!(incomplete.contains("the name that tiny-watch wants"), "{incomplete}");
    let unknown = refused("other.onnx", b"something else");
    assert!(unknown.contains("There are: tiny-watch (tiny-means.onnx, 191 bytes)"), "{unknown}");
    assert!(refused("pointer.onnx", &pointer()).contains("Git LFS pointer"));
    assert!(add(&catalogue, &elsewhere.path().join("absent")).unwrap_err().to_string().contains("absent"));
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
