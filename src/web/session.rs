//! Signed-in browsers: the session cookie, and the rows behind it.

use std::collections::HashMap;

use actix_session::{
    Session, SessionExt, SessionMiddleware,
    config::{CookieContentSecurity, PersistentSession},
    storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError},
};
use actix_web::{
    HttpRequest,
    cookie::{Key, SameSite, time::Duration},
    dev::ServiceRequest,
};

use super::{Site, error::WebError};
use crate::{
    domain::{AnnotatorId, Role, Token},
    store::sessions::{self, SignedIn},
};

/// What the cookie is called.
pub const COOKIE: &str = "chronograde";

const ID: &str = "id";
const NAME: &str = "name";
const ROLE: &str = "role";

/// Sessions in the table `sessions`. What a session holds is who is signed in; name and role are read anew with
/// each request, so that a change of either, or being disabled, holds at once.
#[derive(Clone)]
pub struct Sessions {
    site: Site,
}

/// Reads and writes the cookie of every request.
pub fn middleware(site: &Site) -> SessionMiddleware<Sessions> {
    let path = if site.base_path.is_empty() { "/".to_owned() } else { site.base_path.clone() };
    SessionMiddleware::builder(Sessions { site: site.clone() }, Key::from(&site.cookie_key))
        .cookie_name(COOKIE.to_owned())
        .cookie_path(path)
        .cookie_same_site(SameSite::Lax)
        .cookie_http_only(true)
        .cookie_secure(site.is_secure())
        .cookie_content_security(CookieContentSecurity::Signed)
        .session_lifecycle(
            PersistentSession::default().session_ttl(Duration::seconds(sessions::IDLE.num_seconds())),
        )
        .build()
}

/// Who is signed in in this browser.
pub fn signed_in(request: &ServiceRequest) -> Option<SignedIn> {
    let session = request.get_session();
    let text = |key: &str| session.get::<String>(key).ok().flatten();
    let id = session.get::<AnnotatorId>(ID).ok().flatten()?;
    let role = text(ROLE)?.parse().ok()?;
    Some(SignedIn { id, name: text(NAME)?, role })
}

/// Signs somebody in, under a new key, whoever was signed in here before.
///
/// # Errors
/// Never, in practice: an identifier can always be written as JSON.
pub fn open(session: &Session, id: AnnotatorId) -> Result<(), WebError> {
    session.clear();
    session.insert(ID, id).map_err(WebError::internal)?;
    session.renew();
    Ok(())
}

/// Signs this browser out.
pub fn close(request: &HttpRequest) {
    request.get_session().purge();
}

fn state_of(signed_in: &SignedIn) -> anyhow::Result<HashMap<String, String>> {
    Ok(HashMap::from([
        (ID.to_owned(), serde_json::to_string(&signed_in.id)?),
        (NAME.to_owned(), serde_json::to_string(&signed_in.name)?),
        (ROLE.to_owned(), serde_json::to_string::<Role>(&signed_in.role)?),
    ]))
}

impl SessionStore for Sessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let find = async {
            let mut conn = self.site.pool.acquire().await?;
            sessions::find(&mut conn, &Token::presented(key.as_ref()), self.site.clock.now()).await
        };
        let found = find.await.map_err(|error| LoadError::Other(error.into()))?;
        found.as_ref().map(state_of).transpose().map_err(LoadError::Deserialization)
    }

    async fn save(&self, state: HashMap<String, String>, _: &Duration) -> Result<SessionKey, SaveError> {
        let save = async {
            let id: AnnotatorId =
                serde_json::from_str(state.get(ID).map(String::as_str).unwrap_or_default())?;
            let key = Token::generate(&mut rand::rng());
            let mut conn = self.site.pool.acquire().await?;
            sessions::open(&mut conn, &key, id, self.site.clock.now()).await?;
            Ok(SessionKey::try_from(key.reveal().to_owned())?)
        };
        save.await.map_err(SaveError::Other)
    }

    /// A session changes hands only under a new key: nothing is written here.
    async fn update(
        &self,
        key: SessionKey,
        _: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        Ok(key)
    }

    /// `load` notes the use.
    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> anyhow::Result<()> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> anyhow::Result<()> {
        let mut conn = self.site.pool.acquire().await?;
        Ok(sessions::close(&mut conn, &Token::presented(key.as_ref())).await?)
    }
}
