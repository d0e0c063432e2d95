//! The models folder on the Models page: what is in it, checks, activation, and weights that are fetched or sent.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::mpsc,
};

use chronograde::config::Settings;
use reqwest::{Response, StatusCode, header};
use sqlx::PgPool;

use super::catalog::{Catalog, Html, Picture, TestSite};

/// A folder with the tiny models and a site that has it, and one picture that is scored.
struct Workshop {
    folder: tempfile::TempDir,
    site: TestSite,
}

impl Workshop {
    /// Before the site starts, `change` may do something to the folder.
    async fn open(pool: &PgPool, offline: bool, change: impl FnOnce(&Path)) -> Self {
        let mut catalog = Catalog::open(pool, 0.5).await;
        catalog.add(Picture::scored(1, 5.0, 0.9)).await;
        let folder = tempfile::tempdir().unwrap();
        let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models");
        for entry in fs::read_dir(tiny).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        change(folder.path());
        let settings = Settings { models: folder.path().to_owned(), offline, ..Settings::default() };
        Self { site: TestSite::start_with(pool.clone(), settings).await, folder }
    }

    fn weights(&self) -> PathBuf {
        self.folder.path().join("tiny-means.onnx")
    }

    async fn press(&self, what: &str, form: &[(&str, &str)]) -> StatusCode {
        self.site.submit(self.site.client(), &format!("/models/{what}"), form).await.status()
    }

    async fn send(&self, model: &str, bytes: &[u8]) -> Response {
        self.send_fields(model, &[("file", bytes)]).await
    }

    async fn send_fields(&self, model: &str, fields: &[(&str, &[u8])]) -> Response {
        let mut body = Self::fields(fields);
        body.extend(b"--cut--\r\n");
        self.send_body(model, body).await
    }

    fn fields(fields: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, bytes) in fields {
            let head = format!(
                "--cut\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x.onnx\"\r\n\r\n"
            );
            body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
        }
        body
    }

    async fn send_body(&self, model: &str, body: Vec<u8>) -> Response {
        let request = self.site.client().post(self.site.url(&format!("/models/add?model={model}")));
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut");
        request.body(body).send().await.unwrap()
    }

    /// The row of a model, once nothing goes on with it.
    async fn row(&self, model: &str) -> Row {
        loop {
            let page = self.site.page("/models").await;
            if page.attributes("#models", "data-busy").is_empty() {
                return Row { page, model: model.to_owned() };
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

struct Row {
    page: Html,
    model: String,
}

impl Row {
    fn all(&self, selector: &str) -> Vec<String> {
        self.page.all(&format!("#model-{} {selector}", self.model))
    }

    fn state(&self) -> String {
        self.all(".state").remove(0)
    }

    fn said(&self) -> String {
        self.all("[role=status]").join(" ")
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn every_manifest_is_listed_with_its_state_and_checked_by_a_button(pool: PgPool) {
    let shop = Workshop::open(&pool, false, |_| {}).await;
    let row = shop.row("tiny-watch").await;
    assert_eq!(
        (row.state().as_str(), row.all("button")),
        ("here", vec!["Activate".to_owned(), "Check".to_owned()])
    );
    assert_eq!(row.all("td[data-name=Threshold]"), ["0.5"]);
    let absent = shop.row("mobilenet_v2_imagenet_uint8").await;
    assert_eq!(absent.state(), "not downloaded");
    assert!(!absent.all("button").contains(&"Activate".to_owned()));
    let part = shop.folder.path().join("mobilenet_v2_imagenet_uint8.onnx.part");
    fs::write(part, vec![0; 1_000_000]).unwrap();
    assert_eq!(shop.row("mobilenet_v2_imagenet_uint8").await.state(), "1.0 of 4.1 MB here");
    fs::write(shop.folder.path().join("tiny-nan.onnx"), "short").unwrap();
    let other = shop.row("tiny-watch-nan").await;
    assert_eq!(other.state(), "the file does not fit");
    assert!(
        other.all(".reason")[0].contains("has 5 bytes, and its manifest says"),
        "{:?}",
        other.all(".reason")
    );

    assert_eq!(shop.press("check", &[("model", "tiny-watch")]).await, StatusCode::SEE_OTHER);
    let said = shop.row("tiny-watch").await.said();
    assert!(said.starts_with("It can serve: checksum, names, shapes and types are right"), "{said}");
    assert_eq!(shop.press("check", &[("model", "tiny-watch-broken")]).await, StatusCode::SEE_OTHER);
    let refused = shop.row("tiny-watch-broken").await;
    assert!(refused.all(".bad")[0].contains("model tiny-watch-broken is not served"), "{:?}", refused.said());
    assert_eq!(shop.press("check", &[("model", "nobody's")]).await, StatusCode::NOT_FOUND);
    assert_eq!(shop.press("check", &[]).await, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrations = "./migrations")]
async fn of_a_model_that_serves_the_threshold_is_shown_that_holds_and_not_what_the_manifest_says_by_now(
    pool: PgPool,
) {
    let shop = Workshop::open(&pool, false, |_| {}).await;
    sqlx::raw_sql("UPDATE models SET name = 'tiny-watch', default_threshold = 0.25 WHERE name = 'w'")
        .execute(&pool)
        .await
        .unwrap();
    let shown = async || shop.row("tiny-watch").await.all("td[data-name=Threshold]");
    assert_eq!(shown().await, ["0.25, not measured"]);
    sqlx::raw_sql("INSERT INTO threshold_settings (model_id, value, objective) SELECT id, 0.75, 'f1' FROM models WHERE name = 'tiny-watch'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(shown().await, ["0.75"]);
    assert_eq!(
        shop.row("tiny-watch-bgr").await.all("td[data-name=Threshold]"),
        ["0.5"],
        "the catalog does not know it"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_model_is_activated_from_the_page_and_fills_its_pair(pool: PgPool) {
    let shop = Workshop::open(&pool, false, |_| {}).await;
    assert_eq!(shop.press("activate", &[("model", "tiny-ensemble")]).await, StatusCode::SEE_OTHER);
    let row = shop.row("tiny-ensemble").await;
    assert!(
        row.said().starts_with("tiny-ensemble scores every image in the background (1 to go)"),
        "{}",
        row.said()
    );
    assert_eq!((row.state().as_str(), row.all("button")), ("filling: 0 of 1", vec!["Check".to_owned()]));
    let pairs = row.page.all("section[aria-labelledby=pairs] tbody tr");
    assert!(pairs.len() == 2 && pairs[1].contains("tiny-ensemble"), "{pairs:?}");
    let who: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM events WHERE kind = 'models.bring_in' AND actor IS NOT NULL",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(who, 1);
    assert_eq!(shop.press("activate", &[("model", "tiny-watch-broken")]).await, StatusCode::SEE_OTHER);
    assert!(!shop.row("tiny-watch-broken").await.all(".bad").is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn an_ensemble_of_two_questions_is_not_offered_and_the_row_says_why(pool: PgPool) {
    let shop = Workshop::open(&pool, false, |folder| {
        let clock = folder.join("tiny-watch-bgr.toml");
        let text = fs::read_to_string(&clock).unwrap();
        fs::write(clock, format!("question = \"watch or clock\"\n{text}")).unwrap();
    })
    .await;
    let row = shop.row("tiny-ensemble").await;
    assert_eq!((row.state().as_str(), row.all("button")), ("cannot be run", vec![]));
    let why = row.all(".reason").join(" ");
    assert!(why.starts_with("It cannot be activated: it asks \"watch\""), "{why}");
    assert_eq!(shop.press("activate", &[("model", "tiny-ensemble")]).await, StatusCode::SEE_OTHER);
    assert!(shop.row("tiny-ensemble").await.all(".bad").join(" ").contains("tiny-watch-bgr answers"));
}

#[sqlx::test(migrations = "./migrations")]
async fn offline_a_file_that_was_fetched_elsewhere_is_sent_and_any_other_is_refused(pool: PgPool) {
    let shop = Workshop::open(&pool, true, |folder| {
        fs::remove_file(folder.join("tiny-means.onnx")).unwrap();
    })
    .await;
    let row = shop.row("tiny-watch").await;
    assert_eq!((row.state().as_str(), row.all("button")), ("not downloaded", vec!["Send".to_owned()]));
    assert!(row.page.one("#models > .quiet").contains("chronograde models add FILE"));
    assert_eq!(shop.press("pull", &[("model", "tiny-watch")]).await, StatusCode::CONFLICT);
    let other = fs::read(shop.folder.path().join("tiny-quality.onnx")).unwrap();
    for (bytes, problem) in [
        (&b""[..], "No file was sent"),
        (&other[..], "has 390 bytes, and 191 are wanted"),
        (&[0; 191][..], "is not the one that is wanted, tiny-means.onnx (191 bytes"),
        (&b"version https://git-lfs.github.com/spec/v1"[..], "Git LFS pointer"),
    ] {
        assert_eq!(shop.send("tiny-watch", bytes).await.status(), StatusCode::SEE_OTHER);
        let row = shop.row("tiny-watch").await;
        assert!(row.all(".bad").join(" ").contains(problem), "{problem}: {}", row.said());
        assert!(!shop.weights().exists());
    }
    let right = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/tiny-means.onnx")).unwrap();
    let (first, rest) = right.split_at(100);
    for fields in [[("file", first), ("file", rest)], [("note", first), ("file", rest)]] {
        assert_eq!(shop.send_fields("tiny-watch", &fields).await.status(), StatusCode::BAD_REQUEST);
        assert!(!shop.weights().exists(), "two fields make no file");
        let said = shop.row("tiny-watch").await.all(".bad").join(" ");
        assert_eq!(said, "Its file did not come in: the form has one field, “file”, with one file.");
    }
    let cut = Workshop::fields(&[("file", first)]);
    assert_eq!(shop.send_body("tiny-watch", cut).await.status(), StatusCode::BAD_REQUEST);
    let said = shop.row("tiny-watch").await.all(".bad").join(" ");
    assert!(said.starts_with("Its file did not come in: the form cannot be read"), "{said}");
    assert_eq!(shop.send("tiny-watch", &right).await.status(), StatusCode::SEE_OTHER);
    let row = shop.row("tiny-watch").await;
    assert!(row.said().starts_with("Its file is here. It can serve"), "{}", row.said());
    assert_eq!(fs::read(shop.weights()).unwrap(), right);
    assert_eq!(
        fs::read_dir(shop.site.data_dir().join("spool")).unwrap().count(),
        0,
        "nothing is left behind"
    );
    assert_eq!(shop.send("tiny-ensemble", &right).await.status(), StatusCode::CONFLICT);
}

/// Has the manifest of `tiny-watch` name an address, and say `more`.
fn come_from(folder: &Path, address: &str, more: &str) {
    let manifest = folder.join("tiny-watch.toml");
    let text =
        fs::read_to_string(&manifest).unwrap().replace("urls = []", &format!("urls = [\"{address}\"]"));
    fs::write(manifest, format!("{more}{text}")).unwrap();
}

/// A server that answers every question with a file.
fn server(file: &Path) -> String {
    let bytes = fs::read(file).unwrap();
    serve(bytes.len(), move |stream| stream.write_all(&bytes).unwrap())
}

/// A server that answers every question with a file: the first hundred bytes at once, another one each time it is told to.
fn slow_server(file: &Path) -> (String, mpsc::Sender<()>) {
    let (told, more) = mpsc::channel();
    let bytes = fs::read(file).unwrap();
    let address = serve(bytes.len(), move |stream| {
        stream.write_all(&bytes[..100]).unwrap();
        for byte in &bytes[100..] {
            // Nobody reads on, or nobody tells: the connection is closed.
            if more.recv().is_err() || stream.write_all(&[*byte]).is_err() {
                break;
            }
        }
    });
    (address, told)
}

/// A server that promises so many bytes to whoever asks; `answer` gives them.
fn serve(bytes: usize, answer: impl Fn(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/weights", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            assert!(lines.take_while(|line| !line.is_empty()).count() > 0);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            answer(&mut stream);
        }
    });
    address
}

#[sqlx::test(migrations = "./migrations")]
async fn weights_are_pulled_once_their_terms_are_accepted_and_what_was_accepted_is_recorded(pool: PgPool) {
    let shop = Workshop::open(&pool, false, |folder| {
        let address = server(&folder.join("tiny-means.onnx"));
        fs::remove_file(folder.join("tiny-means.onnx")).unwrap();
        come_from(folder, &address, "accept = \"its page names no licence\"\n");
    })
    .await;
    let row = shop.row("tiny-watch").await;
    assert_eq!(row.all(".terms"), ["I accept this: its page names no licence."]);
    assert_eq!(row.all("button"), ["Pull 191\u{202f}bytes", "Send"]);
    assert_eq!(shop.press("pull", &[("model", "tiny-watch")]).await, StatusCode::CONFLICT);
    for no in ["", "no", "on"] {
        let form = [("model", "tiny-watch"), ("accept", no)];
        assert_eq!(shop.press("pull", &form).await, StatusCode::CONFLICT, "{no:?}");
    }
    assert!(!shop.weights().exists());
    assert_eq!(
        shop.press("pull", &[("model", "tiny-watch"), ("accept", "yes")]).await,
        StatusCode::SEE_OTHER
    );
    let row = shop.row("tiny-watch").await;
    assert!(row.said().starts_with("It came from http://127.0.0.1"), "{}", row.said());
    assert!(row.said().contains("It can serve"), "{}", row.said());
    let again = shop.press("pull", &[("model", "tiny-watch"), ("accept", "yes")]).await;
    assert_eq!(again, StatusCode::SEE_OTHER);
    let said = shop.row("tiny-watch").await.said();
    assert!(said.starts_with("It was here already. It can serve"), "{said}");
    let (accepted, sha256): (String, String) = sqlx::query_as(
        "SELECT detail ->> 'accepted', detail ->> 'sha256' FROM events WHERE kind = 'models.pull' AND actor IS NOT NULL LIMIT 1",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(accepted, "its page names no licence");
    assert_eq!(sha256, "28486d41e90ce79699d8733e7f8e9e253936de54ff9220ea5838b7465b6ae96a");
    assert_eq!((row.state().as_str(), shop.weights().exists()), ("here", true));
}

#[sqlx::test(migrations = "./migrations")]
async fn two_manifests_that_want_other_bytes_in_one_file_are_told_of_and_neither_comes(pool: PgPool) {
    let shop = Workshop::open(&pool, false, |folder| {
        come_from(folder, "http://127.0.0.1:9/", "");
        let text = fs::read_to_string(folder.join("tiny-watch.toml")).unwrap();
        fs::write(folder.join("another.toml"), text.replace("bytes = 191", "bytes = 192")).unwrap();
        fs::remove_file(folder.join("tiny-means.onnx")).unwrap();
    })
    .await;
    for name in ["another", "tiny-watch"] {
        let row = shop.row(name).await;
        let told = row.all(".reason").join(" ");
        assert!(told.contains("another.toml and tiny-watch.toml name the same file"), "{name}: {told}");
        assert_eq!(row.all("button"), Vec::<String>::new());
        assert_eq!(shop.press("pull", &[("model", name)]).await, StatusCode::CONFLICT);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_pull_is_stopped_and_what_arrived_is_kept(pool: PgPool) {
    let mut more = None;
    let shop = Workshop::open(&pool, false, |folder| {
        let (address, told) = slow_server(&folder.join("tiny-means.onnx"));
        more = Some(told);
        fs::remove_file(folder.join("tiny-means.onnx")).unwrap();
        come_from(folder, &address, "");
    })
    .await;
    let more = more.unwrap();
    assert_eq!(shop.press("stop", &[("model", "tiny-watch")]).await, StatusCode::CONFLICT);
    let stopped = async {
        loop {
            let page = shop.site.page("/models").await;
            if page
                .all("#model-tiny-watch .reason")
                .iter()
                .any(|text| text.contains("100\u{202f}bytes of 191"))
            {
                assert_eq!(page.all("#model-tiny-watch button"), ["Stop"]);
                assert_eq!(shop.press("stop", &[("model", "tiny-watch")]).await, StatusCode::SEE_OTHER);
                more.send(()).unwrap();
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let (pulled, ()) = tokio::join!(shop.press("pull", &[("model", "tiny-watch")]), stopped);
    assert_eq!(pulled, StatusCode::SEE_OTHER);
    let row = shop.row("tiny-watch").await;
    assert!(row.said().starts_with("It was stopped. What arrived is kept"), "{}", row.said());
    let part = shop.weights().with_extension("onnx.part");
    assert!(!shop.weights().exists() && fs::metadata(part).unwrap().len() >= 100);
    assert_eq!(row.all("button")[0], "Pull 191\u{202f}bytes");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_manifest_that_cannot_be_read_is_listed_beside_the_others_which_go_on(pool: PgPool) {
    let shop = Workshop::open(&pool, false, |folder| {
        fs::write(folder.join("broken.toml"), "task = \"beauty\"").unwrap();
    })
    .await;
    let broken = shop.row("broken").await;
    assert_eq!(broken.state(), "the manifest cannot be read");
    assert!(broken.all(".reason")[0].contains("broken.toml: line 1, task"), "{:?}", broken.all(".reason"));
    assert_eq!(broken.page.all("section[aria-labelledby=pairs] tbody tr").len(), 1);
    let answer = shop.site.submit(shop.site.client(), "/models/check", &[("model", "broken")]).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(shop.press("check", &[("model", "tiny-watch")]).await, StatusCode::SEE_OTHER);
    let said = shop.row("tiny-watch").await.said();
    assert!(said.starts_with("It can serve"), "{said}");
    fs::remove_dir_all(shop.folder.path()).unwrap();
    let page = shop.site.page("/models").await;
    assert!(page.one("#models .problem").contains("CHRONOGRADE_MODELS"));
    assert!(page.all("#models table").is_empty());
}
