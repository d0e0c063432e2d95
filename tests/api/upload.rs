//! Pictures that come in through the API.

use chronograde::{domain::Role, jobs};
use reqwest::{
    RequestBuilder, Response, StatusCode,
    multipart::{Form, Part},
};
use serde_json::Value;
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    catalog::{self, Catalog, TestSite},
    problem,
};

async fn site(pool: &PgPool) -> TestSite {
    jobs::migrate(pool).await.unwrap();
    Catalog::open(pool, 0.5).await;
    TestSite::start(pool.clone(), "").await
}

fn form(name: &str, bytes: &[u8]) -> Form {
    Form::new().part("file", Part::bytes(bytes.to_vec()).file_name(name.to_owned()))
}

async fn request(site: &TestSite, form: Form) -> RequestBuilder {
    let token = site.token_once().await;
    site.visitor().post(site.url("/api/v1/images")).bearer_auth(token).multipart(form)
}

async fn send(site: &TestSite, form: Form) -> Response {
    request(site, form).await.send().await.unwrap()
}

async fn count(pool: &PgPool, of: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {of}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_new_picture_is_an_image_with_a_job_and_the_same_bytes_again_are_known(pool: PgPool) {
    let site = site(&pool).await;
    let bytes = catalog::png(40, 30);
    let told = form("autumn/68428_3.png", &bytes)
        .text("listing", "offer 7")
        .text("external_id", "x-1")
        .text("attributes", r#"{"brand":"Tissot"}"#);
    let answer = send(&site, told).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let new: Value = answer.json().await.unwrap();
    assert_eq!(new["outcome"], "new");
    let whole: Value =
        site.api(&format!("/api/v1/images/{}", new["id"].as_str().unwrap())).await.json().await.unwrap();
    assert_eq!((&whole["listing"], &whole["filename"]), (&"offer 7".into(), &"autumn/68428_3.png".into()));
    assert_eq!((&whole["external_id"], &whole["attributes"]["brand"]), (&"x-1".into(), &"Tissot".into()));
    let kept: (String, Value) =
        sqlx::query_as("SELECT external_id, attributes FROM images").fetch_one(&pool).await.unwrap();
    assert_eq!(kept, ("x-1".to_owned(), serde_json::json!({ "brand": "Tissot" })));
    assert_eq!(count(&pool, "graphile_worker.jobs WHERE task_identifier = 'score_image'").await, 1);

    let again = send(&site, form("another name.png", &bytes)).await;
    assert_eq!(again.status(), StatusCode::OK);
    let known: Value = again.json().await.unwrap();
    assert_eq!((&known["outcome"], &known["id"]), (&"known".into(), &new["id"]));
    assert_eq!(count(&pool, "images").await, 1);
    assert_eq!(count(&pool, "sightings WHERE state = 'duplicate'").await, 1);
    let original = site.get(&format!("/images/{}/original", new["id"].as_str().unwrap())).await;
    assert_eq!(original.bytes().await.unwrap(), bytes, "uploads are kept");
}

#[sqlx::test(migrations = "./migrations")]
async fn what_is_said_of_a_known_picture_is_kept_where_nothing_was_known(pool: PgPool) {
    let site = site(&pool).await;
    let bytes = catalog::png(40, 30);
    assert_eq!(send(&site, form("a.png", &bytes)).await.status(), StatusCode::CREATED);
    let told = |listing: &str, id: &str, attributes: &str| {
        form("b.png", &bytes)
            .text("listing", listing.to_owned())
            .text("external_id", id.to_owned())
            .text("attributes", attributes.to_owned())
    };
    let known = send(&site, told("offer 7", "x-1", r#"{"brand":"Tissot"}"#)).await;
    assert_eq!(known.status(), StatusCode::OK);
    let known = send(&site, told("offer 8", "x-2", r#"{"brand":"Omega","year":1969}"#)).await;
    assert_eq!(known.status(), StatusCode::OK);
    let kept: (String, String, Value) =
        sqlx::query_as("SELECT listing_key, external_id, attributes FROM images")
            .fetch_one(&pool)
            .await
            .unwrap();
    let attributes = serde_json::json!({ "brand": "Tissot", "year": 1969 });
    assert_eq!(kept, ("offer 7".to_owned(), "x-1".to_owned(), attributes));
    assert_eq!(count(&pool, "catalog WHERE listing_key = 'offer 7' AND filename = 'a.png'").await, 1);
    assert_eq!(count(&pool, "listings WHERE key = 'offer 7' AND images = 1").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn what_cannot_be_taken_is_refused_in_words_and_stands_in_the_ledger(pool: PgPool) {
    let site = site(&pool).await;
    let png = catalog::png(40, 30);
    // Its header is whole; only its pixels tell.
    let half = catalog::png(400, 300);
    let half = half[..half.len() / 2].to_vec();
    for (name, bytes, status, reason) in [
        ("half.png", half, StatusCode::UNPROCESSABLE_ENTITY, "is truncated"),
        ("empty.jpg", vec![], StatusCode::UNPROCESSABLE_ENTITY, "the file is empty (0 bytes)"),
        ("words.jpg", b"just words".to_vec(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "not an image"),
        ("cut.png", png[..20].to_vec(), StatusCode::UNPROCESSABLE_ENTITY, "is truncated"),
        (
            "large.jpg",
            vec![0; 3 << 20],
            StatusCode::PAYLOAD_TOO_LARGE,
            "more than 2.1 MB, which is the limit",
        ),
    ] {
        let body = problem(send(&site, form(name, &bytes)).await, status).await;
        assert!(body["detail"].as_str().unwrap().contains(reason), "{name}: {body}");
        let row: (String, String, String) =
            sqlx::query_as("SELECT path_text, state, reason FROM sightings WHERE id = $1")
                .bind(body["ledger"].as_i64().unwrap())
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!((row.0.as_str(), row.1.as_str()), (name, "failed"));
        assert!(row.2.contains(reason));
    }
    assert_eq!(count(&pool, "images").await, 0);
    assert!(!site.data_dir().join("store/originals").exists(), "nothing of what is refused is kept");
    for (what, wrong) in [
        ("the field “file” is missing", Form::new().text("listing", "7")),
        ("there is no field \"files\"", Form::new().text("files", "7")),
        ("attributes must be a JSON object", form("a.png", &png).text("attributes", "[1]")),
    ] {
        let body = problem(send(&site, wrong).await, StatusCode::BAD_REQUEST).await;
        assert!(body["detail"].as_str().unwrap().contains(what), "{body}");
    }
    assert_eq!(
        std::fs::read_dir(site.data_dir().join("spool")).unwrap().count(),
        0,
        "nothing is left in the spool"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_retry_with_the_same_key_gets_the_same_answer_and_another_request_none(pool: PgPool) {
    let site = site(&pool).await;
    let bytes = catalog::png(40, 30);
    let with_key = async |name: &str, bytes: &[u8]| {
        request(&site, form(name, bytes)).await.header("Idempotency-Key", "k1").send().await.unwrap()
    };
    let first = with_key("a.png", &bytes).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: Value = first.json().await.unwrap();
    let again = with_key("a.png", &bytes).await;
    assert_eq!(again.status(), StatusCode::CREATED, "not 200: it is the answer to the first request");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    assert_eq!(count(&pool, "sightings").await, 1);
    problem(with_key("b.png", &bytes).await, StatusCode::UNPROCESSABLE_ENTITY).await;
    // A refusal is an answer, too; but it does not use the key up.
    let cut = &bytes[..bytes.len() - 20];
    let refused =
        async || request(&site, form("c.png", cut)).await.header("Idempotency-Key", "k2").send().await;
    let first = problem(refused().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
    let again = problem(refused().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!((&again["ledger"], &again["detail"]), (&first["ledger"], &first["detail"]));
    assert_eq!(
        count(&pool, "sightings WHERE state = 'failed'").await,
        1,
        "one row, however often it is sent"
    );
    let taken = request(&site, form("c.png", &catalog::png(50, 30))).await.header("Idempotency-Key", "k2");
    assert_eq!(taken.send().await.unwrap().status(), StatusCode::CREATED);
}

#[sqlx::test(migrations = "./migrations")]
async fn the_same_bytes_at_the_same_moment_are_one_image(pool: PgPool) {
    let site = site(&pool).await;
    let bytes = catalog::png(40, 30);
    let mut sent = vec![];
    for number in 0..8 {
        sent.push(request(&site, form(&format!("{number}.png"), &bytes)).await.send());
    }
    let answers = futures_util::future::join_all(sent).await;
    let mut statuses: Vec<u16> =
        answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert_eq!(count(&pool, "images").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_connection_that_is_cut_leaves_nothing_behind(pool: PgPool) {
    let site = site(&pool).await;
    let token = site.token(Role::Manager).await;
    let address = site.url("").trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/v1/images HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    let part =
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nthe first bytes";
    stream.write_all(part.as_bytes()).await.unwrap();
    drop(stream);
    // The next upload is answered, and by then the cut one has been noticed or will be: its file goes either way.
    assert_eq!(send(&site, form("b.png", &catalog::png(40, 30))).await.status(), StatusCode::CREATED);
    let spool = site.data_dir().join("spool");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::fs::read_dir(&spool).unwrap().count() > 0 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the spool keeps a file of a connection that is gone"
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&pool, "sightings").await, 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn whoever_waits_hears_the_scores_or_that_they_are_not_there_yet(pool: PgPool) {
    let site = site(&pool).await;
    let token = site.token_once().await;
    let ask =
        |wait: &str| site.visitor().post(site.url(&format!("/api/v1/images?wait={wait}"))).bearer_auth(token);
    // Nobody scores here.
    let answer = ask("0.2").multipart(form("a.png", &catalog::png(40, 30))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let queued: Value = answer.json().await.unwrap();
    assert_eq!((&queued["outcome"], &queued["image"]["quality_mean"]), (&"queued".into(), &Value::Null));
    sqlx::raw_sql("UPDATE scorings SET state = 'done'").execute(&pool).await.unwrap();
    let known = ask("5").multipart(form("a.png", &catalog::png(40, 30))).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::OK);
    // It turns out to be no picture while somebody waits for its scores.
    sqlx::raw_sql(
        "CREATE FUNCTION turn_away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             UPDATE sightings SET state = 'failed', reason = 'the PNG file is corrupt', image_id = NULL
             WHERE image_id = new.image_id;
             DELETE FROM images WHERE id = new.image_id;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER turn_away AFTER INSERT ON scorings DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION turn_away()",
    )
    .execute(&pool)
    .await
    .unwrap();
    let refused = ask("5").multipart(form("b.png", &catalog::png(50, 30))).send().await.unwrap();
    let refused = problem(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
    assert_eq!(refused["detail"], "the PNG file is corrupt");
    problem(ask("61").multipart(form("a.png", b"")).send().await.unwrap(), StatusCode::BAD_REQUEST).await;
}
