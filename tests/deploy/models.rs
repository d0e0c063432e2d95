//! How models come to a machine: fetched from an address, or brought as a file.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A models folder with the manifest of the tiny watch model, whose weights are elsewhere.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(change: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(tiny("tiny-labels.txt"), folder.path().join("tiny-labels.txt")).unwrap();
        let manifest = fs::read_to_string(tiny("tiny-watch.toml")).unwrap();
        fs::write(folder.path().join("tiny-watch.toml"), change(manifest)).unwrap();
        Self(folder)
    }

    fn weights(&self) -> PathBuf {
        self.0.path().join("tiny-means.onnx")
    }

    /// Runs `chronograde models …`: exit status, lines on standard output, text on standard error.
    fn models(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, Vec<Value>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_chronograde"))
            .args(["models", "--json", "--models", self.0.path().to_str().unwrap()])
            .arg("--data-dir")
            .arg(self.0.path().join("no-data"))
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("DATABASE_URL_FILE")
            .env("NO_PROXY", "127.0.0.1")
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code(), lines, String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
}

fn outcomes(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect()
}

/// A server that knows one path, `/weights`, and cuts the connection unless a part of the file is asked for.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().for_each(|stream| answer(stream.unwrap())));
    address
}

fn answer(mut stream: TcpStream) {
    let whole = fs::read(tiny("tiny-means.onnx")).unwrap();
    let lines = BufReader::new(&stream).lines().map(Result::unwrap);
    let head: Vec<String> =
        lines.take_while(|line| !line.is_empty()).map(|line| line.to_ascii_lowercase()).collect();
    let first =
        head.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
    let (head, body): (String, &[u8]) = match first {
        _ if !head[0].starts_with("get /weights ") => ("404 Not Found\r\nContent-Length: 0".to_owned(), &[]),
        None => (format!("200 OK\r\nContent-Length: {}", whole.len()), &whole[..90]),
        Some(first) => {
            let rest: &[u8] = &whole[first..];
            let range = format!("bytes {first}-{}/{}", whole.len() - 1, whole.len());
            (format!("206 Partial Content\r\nContent-Range: {range}\r\nContent-Length: {}", rest.len()), rest)
        }
    };
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
}

fn with_addresses(manifest: String) -> String {
    let server = server();
    manifest.replace("urls = []", &format!("urls = [\"{server}/old\", \"{server}/weights\"]"))
}

#[test]
fn a_model_is_fetched_over_a_bad_line_from_its_second_address_and_is_what_its_manifest_says() {
    let folder = Folder::new(with_addresses);
    assert_eq!(folder.models(&["list"], &[]).1[0]["here"], false);
    let (code, lines, problems) = folder.models(&["pull"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(0), vec!["pulled", "fits"]), "{problems}");
    assert!(problems.contains("404 (not there)"), "{problems}");
    // There is no terminal: the log tells how far it is.
    for line in
        ["40 % of 191 B are here", "the connection ended after 90 of 191 bytes; again in 1 s", "100 % of"]
    {
        assert!(problems.contains(line), "{line}: {problems}");
    }
    assert_eq!(fs::read(folder.weights()).unwrap(), fs::read(tiny("tiny-means.onnx")).unwrap());
    assert_eq!(folder.models(&["list"], &[]).1[0]["here"], true);
    assert_eq!(outcomes(&folder.models(&["pull", "tiny-watch"], &[]).1), ["here"]);
    assert_eq!(outcomes(&folder.models(&["check"], &[]).1), ["fits"]);
}

#[test]
fn a_manifest_that_does_not_fit_the_fetched_file_is_told_what_differs() {
    let folder = Folder::new(|manifest| {
        with_addresses(manifest).replace("tensor = \"image\"", "tensor = \"picture\"")
    });
    let (code, lines, _) = folder.models(&["pull"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(1), vec!["pulled", "refused"]));
    let problem = lines[1]["problem"].as_str().unwrap();
    assert!(problem.contains("no input picture, it has image"), "{problem}");
    assert!(problem.contains("announces input image f32 any×3×4×4"), "{problem}");
}

#[test]
fn a_file_with_terms_is_fetched_by_who_accepts_them() {
    let folder = Folder::new(|manifest| {
        format!("accept = \"its page names no licence\"\n{}", with_addresses(manifest))
    });
    let (code, lines, _) = folder.models(&["pull"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(0), vec!["not accepted"]), "who wants all gets the others");
    assert_eq!(lines[0]["terms"], "its page names no licence");
    assert_eq!(folder.models(&["pull", "tiny-watch"], &[]).0, Some(1));
    assert!(!folder.weights().exists());
    let (code, lines, _) = folder.models(&["pull", "tiny-watch", "--accept-licence"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(0), vec!["pulled", "fits"]));
}

#[test]
fn offline_nothing_is_fetched_and_a_file_can_be_brought() {
    let folder = Folder::new(with_addresses);
    let (code, lines, problem) = folder.models(&["pull"], &[("CHRONOGRADE_OFFLINE", "true")]);
    assert_eq!((code, lines.len()), (Some(1), 0));
    assert!(problem.contains("CHRONOGRADE_OFFLINE") && problem.contains("models add FILE"), "{problem}");
    let brought = tiny("tiny-means.onnx");
    let (code, lines, _) =
        folder.models(&["add", brought.to_str().unwrap()], &[("CHRONOGRADE_OFFLINE", "true")]);
    assert_eq!((code, outcomes(&lines)), (Some(0), vec!["added", "fits"]));
    let (code, _, problem) = folder.models(&["add", tiny("tiny-quality.onnx").to_str().unwrap()], &[]);
    assert_eq!(code, Some(1));
    assert!(problem.contains("no manifest names") && problem.contains("tiny-watch"), "{problem}");
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_and_nobody_goes_around_it() {
    let folder = Folder::new(with_addresses);
    let (code, lines, problem) = folder.models(&["pull"], &[("HTTPS_PROXY", "socks5://127.0.0.1:1080")]);
    assert_eq!((code, lines.len()), (Some(1), 0), "{problem}");
    assert!(problem.contains("HTTPS_PROXY names no proxy that can be used"), "{problem}");
}

#[test]
fn a_name_that_no_manifest_has_is_answered_with_those_there_are() {
    let folder = Folder::new(|manifest| manifest);
    for command in ["pull", "check"] {
        let (code, _, problem) = folder.models(&[command, "resnet"], &[]);
        assert_eq!(code, Some(1));
        assert!(
            problem.contains("there is no model \"resnet\"") && problem.contains("tiny-watch"),
            "{problem}"
        );
    }
    let (_, _, problem) = folder.models(&["check"], &[]);
    assert!(problem.contains("chronograde models pull"), "{problem}");
}

#[test]
fn a_manifest_that_cannot_be_read_is_told_of_and_the_others_are_used() {
    let folder = Folder::new(with_addresses);
    fs::write(folder.0.path().join("broken.toml"), "task = \"beauty\"").unwrap();
    let (code, lines, _) = folder.models(&["list"], &[]);
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!((code, names), (Some(0), vec!["tiny-watch", "broken"]));
    assert!(lines[1]["problem"].as_str().unwrap().contains("broken.toml: line 1, task"), "{lines:?}");
    assert_eq!(folder.models(&["pull", "tiny-watch"], &[]).0, Some(0));
    let (code, lines, _) = folder.models(&["pull"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(1), vec!["refused", "here"]), "who wants all is told");
    let (code, lines, _) = folder.models(&["check"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(1), vec!["refused", "fits"]));
    assert_eq!(folder.models(&["check", "tiny-watch"], &[]).0, Some(0));
    let (code, lines, _) = folder.models(&["check", "broken"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(1), vec!["refused"]));
    let brought = tiny("tiny-means.onnx");
    assert_eq!(folder.models(&["add", brought.to_str().unwrap()], &[]).0, Some(0));
}

#[test]
fn an_ensemble_without_its_members_is_not_here_and_not_checked() {
    let folder = Folder::new(with_addresses);
    fs::copy(tiny("tiny-ensemble.toml"), folder.0.path().join("tiny-ensemble.toml")).unwrap();
    let here = |lines: &[Value]| lines.iter().map(|line| line["here"].clone()).collect::<Vec<_>>();
    assert_eq!(here(&folder.models(&["list"], &[]).1), [false, false]);
    // The other one's manifest is lacking.
    let (code, _, problem) = folder.models(&["pull", "tiny-ensemble"], &[]);
    assert!(code == Some(1) && problem.contains("`chronograde models pull tiny-watch`"), "{problem}");
    assert_eq!(folder.models(&["pull", "tiny-watch"], &[]).0, Some(0));
    // `tiny-watch-bgr` is lacking.
    assert_eq!(here(&folder.models(&["list"], &[]).1), [false, true]);
    let (code, lines, _) = folder.models(&["check"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(0), vec!["fits"]));
}

#[test]
fn how_much_of_a_pull_arrived_is_listed() {
    let folder = Folder::new(with_addresses);
    fs::write(folder.weights().with_extension("onnx.part"), [0; 90]).unwrap();
    let (_, lines, _) = folder.models(&["list"], &[]);
    assert_eq!((&lines[0]["here"], &lines[0]["arrived_bytes"]), (&Value::from(false), &Value::from(90)));
    fs::copy(tiny("tiny-means.onnx"), folder.weights()).unwrap();
    assert_eq!(folder.models(&["list"], &[]).1[0]["arrived_bytes"], Value::Null);
}

#[test]
fn manifests_that_want_other_bytes_in_one_file_are_told_of_and_neither_takes_it_from_the_other() {
    let folder = Folder::new(with_addresses);
    fs::copy(tiny("tiny-means.onnx"), folder.weights()).unwrap();
    let text = fs::read_to_string(folder.0.path().join("tiny-watch.toml")).unwrap();
    fs::write(folder.0.path().join("another.toml"), text.replace("191", "192")).unwrap();
    let clash = "another.toml and tiny-watch.toml name the same file";
    let (code, lines, _) = folder.models(&["list"], &[]);
    assert!(code == Some(0) && lines[0]["problem"].as_str().unwrap().starts_with(clash), "{lines:?}");
    let (code, lines, _) = folder.models(&["check"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(1), vec!["clash", "refused", "fits"]));
    assert_eq!((&lines[0]["name"], &lines[0]["with"]), (&"another".into(), &"tiny-watch".into()));
    let (code, lines, _) = folder.models(&["pull", "another"], &[]);
    assert_eq!((code, outcomes(&lines)), (Some(1), vec!["failed"]));
    let (code, _, problem) = folder.models(&["add", tiny("tiny-means.onnx").to_str().unwrap()], &[]);
    assert!(code == Some(1) && problem.contains(clash), "{problem}");
    assert_eq!(fs::read(folder.weights()).unwrap(), fs::read(tiny("tiny-means.onnx")).unwrap());
}
