//! Who may come in, and who sees what.

use chronograde::{
    clock::Clock,
    config::Settings,
    domain::Role,
    people::setup::{self, SetUp},
    web::{access::Access, routes},
};
use reqwest::{Client, Method, Response, StatusCode, header};
use sqlx::PgPool;

use super::catalog::{PASSWORD, TestSite};

/// What a route answers to whoever may not use it; none where it lets them in.
async fn refusal(answer: Response) -> Option<StatusCode> {
    let to_sign_in =
        answer.headers().get(header::LOCATION).is_some_and(|to| to.to_str().unwrap().starts_with("/sign-in"));
    match answer.status() {
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Some(status),
        StatusCode::SEE_OTHER if to_sign_in => Some(StatusCode::SEE_OTHER),
        _ => None,
    }
}

async fn ask(site: &TestSite, client: &Client, method: &Method, path: &str) -> Option<StatusCode> {
    let request = client.request(method.clone(), site.url(path)).header("sec-fetch-site", "same-origin");
    refusal(request.send().await.unwrap()).await
}

/// An address that the pattern matches.
fn example(pattern: &str) -> String {
    regex::Regex::new(r"\{[^}]*\}").unwrap().replace_all(pattern, "0").into_owned()
}

#[sqlx::test(migrations = "./migrations")]
async fn every_route_lets_in_whom_the_table_names_and_nobody_else(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    let annotator = site.sign_in("an annotator", Role::Annotator).await;
    let manager = site.sign_in("a manager", Role::Manager).await;
    let people = [
        (None, site.visitor().clone()),
        (Some(Role::Annotator), annotator),
        (Some(Role::Manager), manager),
        (Some(Role::Admin), site.client().clone()),
    ];
    // Whoever signs out is not let in afterwards.
    let (last, first): (Vec<_>, Vec<_>) =
        routes::table().into_iter().partition(|entry| entry.path.contains("sign-out"));
    for entry in first.into_iter().chain(last) {
        let path = example(entry.path);
        let method: Method = entry.method.as_str().parse().unwrap();
        for (role, client) in &people {
            let needed = match entry.access {
                Access::Open | Access::Public => None,
                // The test runs on the machine itself.
                Access::Machine => None,
                access => access.role(),
            };
            let is_let_in = *role >= needed;
            let said = ask(&site, client, &method, &path).await;
            let asked = format!("{} {path} as {role:?}", entry.method);
            if entry.path.contains("sign-out") && is_let_in {
                continue;
            }
            match (is_let_in, role) {
                (true, _) => assert_eq!(said, None, "{asked}"),
                (false, Some(_)) => assert_eq!(said, Some(StatusCode::FORBIDDEN), "{asked}"),
                (false, None) if method == Method::GET && !path.starts_with("/api/") => {
                    assert_eq!(said, Some(StatusCode::SEE_OTHER), "{asked}");
                }
                (false, None) => assert_eq!(said, Some(StatusCode::UNAUTHORIZED), "{asked}"),
            }
        }
    }
}

/// The link of the first start, as the log shows it.
async fn set_up_link(pool: &PgPool) -> Option<String> {
    let made = setup::link(pool, &Settings::default(), &Clock::System).await.unwrap()?;
    let SetUp::Fresh(token) = made else { panic!("no token was given") };
    Some(format!("/link/{}", token.reveal()))
}

#[sqlx::test(migrations = "./migrations")]
async fn the_set_up_link_makes_one_admin_and_is_spent(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    sqlx::raw_sql("DELETE FROM events; DELETE FROM annotators").execute(&pool).await.unwrap();
    let visitor = site.visitor();
    let door = site.page_of(visitor.get(site.url("/sign-in")).send().await.unwrap()).await;
    assert!(door.one(".notice").starts_with("Nobody can sign in yet."));
    let link = set_up_link(&pool).await.unwrap();
    let choose = async |name: &str, password: &str, repeated: &str| {
        site.submit(visitor, &link, &[("name", name), ("password", password), ("repeated", repeated)]).await
    };
    // A link of this kind is made out of forms only; nothing stays half done.
    for (name, password, repeated, problem) in [
        ("Ada", "short", "short", "The password needs at least 10 characters."),
        ("Ada", PASSWORD, "something else", "The two passwords differ."),
        ("  ", PASSWORD, PASSWORD, "A name is needed."),
    ] {
        let answer = choose(name, password, repeated).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(site.page_of(answer).await.one(".problem"), problem);
    }
    let answer = choose("Ada", PASSWORD, PASSWORD).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"),
        "{cookie}"
    );
    assert_eq!(choose("Eve", PASSWORD, PASSWORD).await.status(), StatusCode::GONE);
    assert_eq!(set_up_link(&pool).await, None, "there is an admin now");
    let role: String = sqlx::query_scalar("SELECT role FROM annotators").fetch_one(&pool).await.unwrap();
    assert_eq!(role, "admin");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_wrong_password_an_unknown_name_and_a_disabled_person_are_told_the_same(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    site.sign_in("Grace", Role::Manager).await;
    sqlx::raw_sql("UPDATE annotators SET disabled_at = now() WHERE name = 'Grace'")
        .execute(&pool)
        .await
        .unwrap();
    for (name, password) in [("admin", "not the password"), ("nobody", PASSWORD), ("Grace", PASSWORD)] {
        let form = [("name", name), ("password", password), ("next", "/top")];
        let answer = site.submit(site.visitor(), "/sign-in", &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        assert!(!answer.headers().contains_key(header::SET_COOKIE));
        let page = site.page_of(answer).await;
        assert_eq!(page.one(".problem"), "Name and password do not belong together.");
        assert_eq!(page.attributes("input[name=name]", "value"), [name], "what was typed stays");
        assert_eq!(page.attributes("input[name=next]", "value"), ["/top"]);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn after_many_tries_the_door_stays_shut_for_a_while(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    let form = [("name", "Ada"), ("password", "a guess, and a wrong one")];
    for _ in 0..20 {
        let answer = site.submit(site.visitor(), "/sign-in", &form).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = site.submit(site.visitor(), "/sign-in", &form).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers()[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() <= 11);
    assert!(site.page_of(answer).await.one(".problem").starts_with("Too many tries."));
}

#[sqlx::test(migrations = "./migrations")]
async fn one_comes_back_to_the_page_that_asked_for_the_sign_in_and_to_no_other_host(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    let answer = site.visitor().get(site.url("/bottom?watch=yes")).send().await.unwrap();
    assert_eq!(answer.headers()[header::LOCATION], "/sign-in?next=%2Fbottom%3Fwatch%3Dyes");
    for (next, leads_to) in [
        ("/bottom?watch=yes", "/bottom?watch=yes"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("", "/"),
    ] {
        let form = [("name", "admin"), ("password", PASSWORD), ("next", next)];
        let answer = site.submit(site.visitor(), "/sign-in", &form).await;
        assert_eq!(answer.headers()[header::LOCATION], leads_to, "{next}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_invitation_works_once_and_a_reset_signs_out(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    let handed_out = |page: &super::catalog::Html| {
        let address = page.one("[role=status] code");
        address[address.find("/link/").unwrap()..].to_owned()
    };
    let invited = site.submit(site.client(), "/people", &[("name", "Grace"), ("role", "manager")]).await;
    let link = handed_out(&site.page_of(invited).await);
    let states = site.page("/people").await.all("td[data-name=State]");
    assert!(states.iter().any(|state| state.starts_with("invited, link good until ")), "{states:?}");
    let form = [("password", PASSWORD), ("repeated", PASSWORD)];
    let answer = site.submit(site.visitor(), &link, &form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(site.submit(site.visitor(), &link, &form).await.status(), StatusCode::GONE);

    let grace = site.sign_in("Grace", Role::Manager).await;
    assert_eq!(ask(&site, &grace, &Method::GET, "/top").await, None);
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM annotators WHERE name = 'Grace'").fetch_one(&pool).await.unwrap();
    let reset = site.submit(site.client(), &format!("/people/{id}/link"), &[]).await;
    let link = handed_out(&site.page_of(reset).await);
    let other = [("password", "another password"), ("repeated", "another password")];
    assert_eq!(site.submit(site.visitor(), &link, &other).await.status(), StatusCode::SEE_OTHER);
    assert_eq!(ask(&site, &grace, &Method::GET, "/top").await, Some(StatusCode::SEE_OTHER), "signed out");

    let taken = site.submit(site.client(), "/people", &[("name", "GRACE"), ("role", "annotator")]).await;
    assert_eq!(taken.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.page_of(taken).await.one(".problem"), "There is somebody called GRACE already.");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_new_role_and_being_disabled_hold_at_once_and_an_admin_is_always_left(pool: PgPool) {
    let site = TestSite::start(pool.clone(), "").await;
    let grace = site.sign_in("Grace", Role::Annotator).await;
    let id = |name: &'static str| {
        let pool = pool.clone();
        async move {
            let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM annotators WHERE name = $1")
                .bind(name)
                .fetch_one(&pool)
                .await
                .unwrap();
            id
        }
    };
    let (me, hers) = (id("admin").await, id("Grace").await);
    let refused = grace.get(site.url("/top")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let said = site.page_of(refused).await.one(".lone");
    assert!(said.contains("Ask an admin") && !said.contains("token"), "{said}");
    site.submit(site.client(), &format!("/people/{hers}/role"), &[("role", "manager")]).await;
    assert_eq!(ask(&site, &grace, &Method::GET, "/top").await, None);
    site.submit(site.client(), &format!("/people/{hers}/disable"), &[]).await;
    assert_eq!(ask(&site, &grace, &Method::GET, "/top").await, Some(StatusCode::SEE_OTHER));
    let answer = site.submit(site.client(), &format!("/people/{hers}/link"), &[]).await;
    assert!(site.page_of(answer).await.one(".problem").starts_with("Grace is disabled"));
    for (what, form) in [("disable", vec![]), ("role", vec![("role", "annotator")])] {
        let answer = site.submit(site.client(), &format!("/people/{me}/{what}"), &form).await;
        assert!(site.page_of(answer).await.one(".problem").starts_with("This is the last admin"));
    }
    assert_eq!(ask(&site, site.client(), &Method::GET, "/people").await, None);
}

#[sqlx::test(migrations = "./migrations")]
async fn signing_out_everywhere_ends_every_browser_and_a_new_password_all_but_this_one(pool: PgPool) {
    let site = TestSite::start(pool, "").await;
    let (laptop, phone) =
        (site.sign_in("Grace", Role::Manager).await, site.sign_in("Grace", Role::Manager).await);
    let form = [("present", PASSWORD), ("password", "another password"), ("repeated", "another password")];
    let answer = site.submit(&laptop, "/profile/password", &form).await;
    assert_eq!(answer.headers()[header::LOCATION], "/profile?done=password");
    assert!(answer.headers().contains_key(header::SET_COOKIE), "this browser goes on under a new key");
    assert_eq!(ask(&site, &phone, &Method::GET, "/top").await, Some(StatusCode::SEE_OTHER));
    let again = site.submit(site.client(), "/profile/sign-out-everywhere", &[]).await;
    let door = again.headers()[header::LOCATION].to_str().unwrap();
    assert_eq!(site.page(door).await.one("[role=status]"), "You are signed out in every browser.");
    assert_eq!(ask(&site, site.client(), &Method::GET, "/top").await, Some(StatusCode::SEE_OTHER));
}
