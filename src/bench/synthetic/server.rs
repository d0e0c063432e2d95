//! The real web server over a sandbox's database, and a thread for those who ask it.

use std::{net::SocketAddr, thread};

use tokio::{runtime, sync::oneshot, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::client::Browser;
use crate::{
    bench::{BenchError, sandbox::Sandbox},
    clock::Clock,
    config::{Role, Settings},
    domain::{self, AnnotatorId},
    people::Passwords,
    startup::{Application, StartupError},
    store::annotators,
    web::proxies::TrustedProxies,
};

/// What everybody signs in with.
const PASSWORD: &str = "measured, not guessed";

/// A web server; dropping it stops it.
pub(in crate::bench) struct Server {
    address: SocketAddr,
    stop: DropGuard,
    task: JoinHandle<Result<(), StartupError>>,
}

impl Server {
    /// Starts it on a port of its own. It believes visitors on this machine where they say that they come from.
    pub(in crate::bench) async fn start(sandbox: &Sandbox) -> Result<Self, BenchError> {
        let stop = CancellationToken::new();
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let trusted_proxies: TrustedProxies = here.ip().to_string().parse().map_err(|_| BenchError::Ended)?;
        let settings = Settings { listen: here, trusted_proxies, ..Settings::clone(&sandbox.settings) };
        let application = Application::build(settings, &[Role::Web], Clock::System).await?;
        let address = application.address().ok_or(BenchError::Ended)?;
        let task = tokio::spawn(application.run(stop.clone()));
        Ok(Self { address, stop: stop.drop_guard(), task })
    }

    /// People of a role, each signed in with a browser of their own.
    pub(in crate::bench) async fn sign_in(
        &self,
        sandbox: &Sandbox,
        people: u8,
        role: domain::Role,
    ) -> Result<Vec<Browser>, BenchError> {
        let nonsense = |error: crate::people::PasswordError| BenchError::Page(error.to_string());
        let hash = Passwords::default().hash(PASSWORD).await.map_err(nonsense)?;
        let mut browsers = vec![];
        for number in 0..people {
            let name = format!("{role} {number}");
            let id = AnnotatorId::new(Clock::System.now());
            let mut conn = sandbox.pool.acquire().await?;
            annotators::add(&mut conn, id, &name, role, Some(&hash)).await?;
            let browser = Browser::new(self.address, [10, 0, 0, number].into());
            browsers.push(browser.sign_in(&name, PASSWORD).await?);
        }
        Ok(browsers)
    }

    /// Stops it.
    pub(in crate::bench) async fn stop(self) -> Result<(), BenchError> {
        drop(self.stop);
        Ok(self.task.await.map_err(|_| BenchError::Thread)??)
    }
}

/// Does `work` on a thread with a runtime of its own, so that the server's work does not delay the asking.
pub(in crate::bench) async fn apart<T: Send + 'static>(
    work: impl AsyncFnOnce() -> Result<T, BenchError> + Send + 'static,
) -> Result<T, BenchError> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let ask = || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|_| BenchError::Thread)?.block_on(work())
        };
        // Whoever does not wait any more was stopped.
        let _ = sender.send(ask());
    });
    receiver.await.map_err(|_| BenchError::Thread)?
}
