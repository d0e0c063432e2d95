//! A catalog written row by row, and a server in front of it.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses its part, and may break")]

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

use chronograde::{
    clock::Clock,
    config::Settings,
    domain::{AnnotatorId, ContentHash, Role, Token},
    gallery::{counted::Counts, models::Comparisons},
    metrics,
    objects::Objects,
    people::Passwords,
    store::{annotators, tokens},
    web::{self, Parts, Site},
};
use reqwest::{Client, Response, StatusCode, header, redirect::Policy};
use scraper::{ElementRef, Selector};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What everybody in a test signs in with.
pub const PASSWORD: &str = "a watch in the picture";

/// A server on a port of its own, with a folder of its own, and an admin who is signed in.
pub struct TestSite {
    client: Client,
    visitor: Client,
    address: String,
    folder: tempfile::TempDir,
    pool: PgPool,
    objects: Objects,
    token: tokio::sync::OnceCell<String>,
}

impl TestSite {
    pub async fn start(pool: PgPool, base_path: &str) -> Self {
        Self::start_with(pool, Settings { base_path: base_path.to_owned(), ..Settings::default() }).await
    }

    /// A site with these settings, except for its folder.
    pub async fn start_with(pool: PgPool, settings: Settings) -> Self {
        let base_path = settings.base_path.clone();
        let base_path = base_path.as_str();
        let folder = tempfile::tempdir().unwrap();
        let settings =
            Settings { data_dir: folder.path().canonicalize().unwrap(), max_file_mib: 2, ..settings };
        std::fs::create_dir_all(settings.upload_dir()).unwrap();
        let objects = Objects::local(&settings.store_dir()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        metrics::install().unwrap();
        let parts = Parts {
            pool: pool.clone(),
            objects: objects.clone(),
            decoders: settings.decoders(),
            clock: Clock::System,
            stop: CancellationToken::new(),
        };
        let mut site = Site::open(parts, &settings, listener.local_addr().unwrap()).await.unwrap();
        // Tests write behind the site's back.
        site.counts = Counts::exact(site.pool.clone());
        site.comparisons = Comparisons::exact();
        tokio::spawn(web::server(site, listener).unwrap());
        let visitor = Client::builder().redirect(Policy::none()).build().unwrap();
        let token = tokio::sync::OnceCell::new();
        let mut site = Self { client: visitor.clone(), visitor, address, folder, pool, objects, token };
        site.client = site.sign_in_under(base_path, "admin", Role::Admin).await;
        site
    }

    /// A browser in which an admin is signed in.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A browser in which nobody is signed in.
    pub fn visitor(&self) -> &Client {
        &self.visitor
    }

    /// A browser in which somebody of this name, new or not, is signed in.
    pub async fn sign_in(&self, name: &str, role: Role) -> Client {
        self.sign_in_under("", name, role).await
    }

    pub async fn sign_in_under(&self, base_path: &str, name: &str, role: Role) -> Client {
        let hash = Passwords::default().hash(PASSWORD).await.unwrap();
        let id = AnnotatorId::new(Clock::System.now());
        let mut conn = self.pool.acquire().await.unwrap();
        annotators::add(&mut conn, id, name, role, Some(&hash)).await.unwrap();
        let form = [("name", name), ("password", PASSWORD)];
        let answer = self.submit(&self.visitor, &format!("{base_path}/sign-in"), &form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap();
        let headers = [(header::COOKIE, cookie.parse().unwrap())].into_iter().collect();
        Client::builder().redirect(Policy::none()).default_headers(headers).build().unwrap()
    }

    /// Sends a form of one of our own pages.
    pub async fn submit(&self, client: &Client, path: &str, form: &[(&str, &str)]) -> Response {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        client
            .post(self.url(path))
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub fn upload_dir(&self) -> PathBuf {
        Path::new(&self.folder.path().canonicalize().unwrap()).join("upload")
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn status(&self, path: &str) -> StatusCode {
        self.get(path).await.status()
    }

    pub async fn page(&self, path: &str) -> Html {
        self.page_of(self.get(path).await).await
    }

    pub async fn page_of(&self, answer: Response) -> Html {
        Html(answer.text().await.unwrap())
    }

    /// Presses a button of one of our own pages; the status, and where it leads.
    pub async fn post(&self, path: &str) -> (StatusCode, String) {
        let answer =
            self.client.post(self.url(path)).header("sec-fetch-site", "same-origin").send().await.unwrap();
        let location = answer.headers().get("location").map(|value| value.to_str().unwrap().to_owned());
        (answer.status(), location.unwrap_or_default())
    }

    /// A new token with this role, which is its name, too.
    pub async fn token(&self, role: Role) -> String {
        let token = Token::generate(&mut rand::rng());
        let mut conn = self.pool.acquire().await.unwrap();
        assert!(tokens::add(&mut conn, role.as_str(), role, &token).await.unwrap());
        token.reveal().to_owned()
    }

    /// An admin's token, always the same one.
    pub async fn token_once(&self) -> &str {
        self.token.get_or_init(|| self.token(Role::Admin)).await
    }

    /// Asks the API as an admin.
    pub async fn api(&self, path: &str) -> Response {
        let token = self.token_once().await;
        self.visitor.get(self.url(path)).bearer_auth(token).send().await.unwrap()
    }
}

/// A page's source.
pub struct Html(String);

impl From<String> for Html {
    fn from(source: String) -> Self {
        Self(source)
    }
}

impl Html {
    fn select<T>(&self, selector: &str, read: impl Fn(ElementRef<'_>) -> T) -> Vec<T> {
        let document = scraper::Html::parse_document(&self.0);
        let selector = Selector::parse(selector).unwrap();
        document.select(&selector).map(read).collect()
    }

    /// All of it.
    pub fn source(&self) -> &str {
        &self.0
    }

    /// The texts of what the selector finds, with single spaces.
    pub fn all(&self, selector: &str) -> Vec<String> {
        self.select(selector, |element| {
            element
                .text()
                .collect::<String>()
                .split([' ', '\n'])
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        })
    }

    /// The text of the one that it finds.
    pub fn one(&self, selector: &str) -> String {
        let mut all = self.all(selector);
        assert_eq!(all.len(), 1, "{selector} in {}", self.0);
        all.remove(0)
    }

    /// The images of a gallery, in order.
    pub fn images(&self) -> Vec<String> {
        let image = |href: &String| href.split(['/', '?']).nth_back(1).unwrap().to_owned();
        self.attributes(".plate", "href").iter().map(image).collect()
    }

    /// An attribute of each that it finds and that has it.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.select(selector, |element| element.attr(name).map(str::to_owned)).into_iter().flatten().collect()
    }
}

/// What a row is made of.
#[derive(Clone)]
pub struct Picture {
    pub name: String,
    pub root: String,
    pub hash: ContentHash,
    pub listing: Option<String>,
    /// Quality mean and watch confidence.
    pub scores: Option<(f64, f64)>,
}

impl Picture {
    pub fn waiting(number: i32) -> Self {
        let name = format!("picture-{number}.jpg");
        Self {
            hash: ContentHash::of(name.as_bytes()),
            name,
            root: "/photos".to_owned(),
            listing: None,
            scores: None,
        }
    }

    pub fn scored(number: i32, mean: f64, confidence: f64) -> Self {
        Self { scores: Some((mean, confidence)), ..Self::waiting(number) }
    }
}

/// A database with two models and one generation.
pub struct Catalog {
    pool: PgPool,
}

impl Catalog {
    pub async fn open(pool: &PgPool, threshold: f64) -> Self {
        sqlx::query(
            "WITH w AS (
                 INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256, positives, default_threshold)
                 VALUES ('w', 'watch', 'onnx', repeat('a', 64), 1, '{}', sha256('w'), '{analog clock,digital watch}', $1)
                 RETURNING id
             ), q AS (
                 INSERT INTO models (name, task, kind, fingerprint, preprocessing, manifest, sha256)
                 VALUES ('q', 'quality', 'onnx', repeat('b', 64), 1, '{}', sha256('q')) RETURNING id
             )
             INSERT INTO generations (watch_model, quality_model, state) SELECT w.id, q.id, 'live' FROM w, q",
        )
        .bind(threshold)
        .execute(pool)
        .await
        .unwrap();
        sqlx::raw_sql("INSERT INTO active_generation (generation_id) SELECT id FROM generations")
            .execute(pool)
            .await
            .unwrap();
        Self { pool: pool.clone() }
    }

    /// The one that is there already.
    pub fn of(pool: &PgPool) -> Self {
        Self { pool: pool.clone() }
    }

    /// Adds an image with its path, its scores and its row in the catalog.
    pub async fn add(&mut self, picture: Picture) -> Uuid {
        let id = chronograde::domain::ImageId::new(Clock::System.now()).0;
        let signals = serde_json::json!({ "version": 1, "sharpness": 12.0, "exposure": 0.5, "black_share": 0.0,
            "white_share": 0.0, "contrast": 0.2, "noise": 1.0, "megapixels": 2.0, "short_side_px": 1000 });
        let file = Path::new(&picture.root).join(&picture.name).metadata();
        let size_bytes = file.map_or(1000, |file| i64::try_from(file.len()).unwrap());
        sqlx::query(
            "INSERT INTO images (id, sha256, bytes, format, width, height, listing_key, signals, signals_version, audit)
             VALUES ($1, $2, $5, 'jpeg', 2000, 1000, $3, $4, 1, false)",
        )
        .bind(id)
        .bind(&picture.hash.as_bytes()[..])
        .bind(&picture.listing)
        .bind(signals)
        .bind(size_bytes)
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, sha256, image_id, state)
             VALUES ($1, $2::text::bytea, $2, 1000, 0, 0, $3, $4, 'imported')",
        )
        .bind(&picture.root)
        .bind(&picture.name)
        .bind(&picture.hash.as_bytes()[..])
        .bind(id)
        .execute(&self.pool)
        .await
        .unwrap();
        self.score(id, &picture).await;
        id
    }

    async fn score(&self, id: Uuid, picture: &Picture) {
        sqlx::query(
            "INSERT INTO scorings (image_id, model_id, state) SELECT $1, id, CASE WHEN $2 THEN 'done' ELSE 'pending' END FROM models",
        )
        .bind(id)
        .bind(picture.scores.is_some())
        .execute(&self.pool)
        .await
        .unwrap();
        if let Some((mean, confidence)) = picture.scores {
            sqlx::query(
                "WITH w AS (
                     INSERT INTO watch_predictions (image_id, model_id, confidence, positives)
                     SELECT $1, id, $2, ARRAY[$2 * 0.25, $2 * 0.75] FROM models WHERE task = 'watch')
                 INSERT INTO quality_predictions (image_id, model_id, bins, mean, std)
                 SELECT $1, id, ARRAY[0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1], $3, 1.4 FROM models WHERE task = 'quality'",
            )
            .bind(id)
            .bind(confidence)
            .bind(mean)
            .execute(&self.pool)
            .await
            .unwrap();
        }
        sqlx::query(
            "INSERT INTO catalog (generation_id, image_id, watch_confidence, quality_mean, quality_std, listing_key,
                                  width, height, ingested_at, filename)
             SELECT g.id, i.id, $3, $2, CASE WHEN $2 IS NOT NULL THEN 1.4 END, i.listing_key, i.width, i.height,
                    i.ingested_at, $4
             FROM images i, generations g WHERE i.id = $1",
        )
        .bind(id)
        .bind(picture.scores.map(|(mean, _)| mean))
        .bind(picture.scores.map(|(_, confidence)| confidence))
        .bind(&picture.name)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Adds a path without an image of its own.
    pub async fn sighting(&mut self, name: &str, state: &str, reason: Option<&str>) -> i64 {
        sqlx::query_scalar(
            "INSERT INTO sightings (root, path, path_text, size_bytes, mtime_ns, ctime_ns, state, reason, image_id, sha256)
             SELECT '/photos', $1::text::bytea, $1, 10, 0, 0, $2, $3, i.id, i.sha256
             FROM (SELECT 1) one LEFT JOIN (SELECT id, sha256 FROM images LIMIT 1) i ON $2 = 'duplicate' RETURNING id",
        )
        .bind(name)
        .bind(state)
        .bind(reason)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }
}

/// A picture, as a PNG file.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let picture =
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 128]));
    let mut file = std::io::Cursor::new(vec![]);
    picture.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}
