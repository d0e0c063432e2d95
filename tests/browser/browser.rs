//! A real Chromium, moved as a person moves it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use thirtyfour::{
    By, ChromiumLikeCapabilities, DesiredCapabilities, Key, WebDriver, WebElement,
    extensions::query::{ElementQueryable, ElementWaitable},
};

/// How long a page may take to show what a person waits for.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// Ends the process when the test does, however it does.
pub struct Ended(pub Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One browser with a profile of its own.
pub struct Browser {
    pub driver: WebDriver,
    _chromedriver: Ended,
    profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // When a test fails, the driver ends before it can end the browser.
        let _ =
            Command::new("pkill").args(["-KILL", "-f", &self.profile.path().display().to_string()]).status();
    }
}

/// What a browser is like.
#[derive(Clone, Copy)]
pub struct Kind {
    pub width_px: u32,
    pub height_px: u32,
    pub has_scripts: bool,
    pub is_dark: bool,
}

impl Kind {
    pub const DESKTOP: Self = Self { width_px: 1440, height_px: 900, has_scripts: true, is_dark: false };
    pub const PHONE: Self = Self { width_px: 390, height_px: 844, has_scripts: true, is_dark: true };
    pub const WITHOUT_SCRIPTS: Self = Self { has_scripts: false, ..Self::DESKTOP };
}

impl Browser {
    /// None, with a loud word, on a machine without a browser; under `CI` that is a failure.
    pub async fn open(kind: Kind) -> Option<Self> {
        let Some((chromedriver, port)) = chromedriver() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "chromedriver is missing: scripts/setup test installs it"
            );
            eprintln!(
                "SKIPPED: there is no chromedriver (`make test` installs it); no page is tried in a browser"
            );
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", profile.path().display()),
            &format!("--window-size={},{}", kind.width_px, kind.height_px),
            &format!("--blink-settings=preferredColorScheme={}", u8::from(!kind.is_dark)),
        ] {
            wanted.add_arg(argument).unwrap();
        }
        if !kind.has_scripts {
            let forbidden = json!({ "profile.managed_default_content_settings.javascript": 2 });
            wanted.add_experimental_option("prefs", forbidden).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.unwrap();
        let size = json!({ "width": kind.width_px, "height": kind.height_px, "deviceScaleFactor": 1, "mobile": false });
        driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        Some(Self { driver, _chromedriver: chromedriver, profile })
    }

    /// Waits for what the selector finds, and answers the first.
    pub async fn see(&self, selector: &str) -> WebElement {
        let query = self.driver.query(By::Css(selector)).wait(PATIENCE, LOOK);
        match query.first().await {
            Ok(element) => element,
            Err(error) => {
                panic!("{selector} is not to be seen: {error}\n{}", self.driver.source().await.unwrap())
            }
        }
    }

    /// Waits until what the selector finds says `text`. The page may be changing meanwhile.
    pub async fn read(&self, selector: &str, text: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let said = match self.driver.find(By::Css(selector)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if said.contains(text) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{selector} does not say {text:?}\n{}",
                self.text().await
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Clicks on what the selector finds, and waits for the page that it leads to.
    pub async fn follow(&self, selector: &str) {
        let old = self.see("html").await;
        self.see(selector).await.click().await.unwrap();
        old.wait_until().wait(PATIENCE, LOOK).stale().await.unwrap();
    }

    /// Types into the field of this name.
    pub async fn type_into(&self, name: &str, text: &str) {
        let field = self.see(&format!("[name={name}]")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: impl Into<thirtyfour::TypingData>) {
        self.driver.active_element().await.unwrap().send_keys(keys.into()).await.unwrap();
    }

    /// Goes on with the tab key until the focus is on what the selector finds.
    pub async fn tab_to(&self, selector: &str) {
        for _ in 0..200 {
            self.press(Key::Tab).await;
            let is_there = format!("return document.activeElement.matches({})", json!(selector));
            if self.script(&is_there).await == Value::Bool(true) {
                return;
            }
        }
        panic!("the tab key does not lead to {selector}\n{}", self.text().await);
    }

    /// What a script in the page answers.
    pub async fn script(&self, script: &str) -> Value {
        self.driver.execute(script, vec![]).await.unwrap().json().clone()
    }

    /// All that the page says.
    pub async fn text(&self) -> String {
        self.see("body").await.text().await.unwrap()
    }

    /// What keeps people from using the page that is shown, by axe-core: the serious and the critical.
    pub async fn barriers(&self) -> Vec<String> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/.runtime/axe/axe.min.js");
        let Ok(axe) = std::fs::read_to_string(file) else {
            assert!(std::env::var_os("CI").is_none(), "axe-core is missing: scripts/setup test fetches it");
            eprintln!("SKIPPED: axe-core is not there (`make test` fetches it); accessibility is unchecked");
            return vec![];
        };
        self.driver.execute(&format!("{axe}; window.axe = axe;"), vec![]).await.unwrap();
        let run = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations
            .filter(one => ['serious', 'critical'].includes(one.impact))
            .flatMap(one => one.nodes.map(node => `${one.id}: ${one.help}: ${node.html} ${node.failureSummary}`))))";
        let found = self.driver.execute_async(run, vec![]).await.unwrap().json().clone();
        serde_json::from_value(found).unwrap()
    }

    /// How far the page reaches beyond the window's right edge, in pixels.
    pub async fn overflow_px(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.script(script).await.as_i64().unwrap()
    }

    pub async fn close(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

/// The driver, and the port that it chose.
fn chromedriver() -> Option<(Ended, u16)> {
    // It takes a free port of IPv4, and ends at once where that of IPv6 is taken.
    (0..3).find_map(|_| start_chromedriver())
}

fn start_chromedriver() -> Option<(Ended, u16)> {
    let started =
        Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = started.ok()?;
    let lines = BufReader::new(child.stdout.take()?).lines();
    let child = Ended(child);
    let port = lines.map_while(Result::ok).find_map(|line| {
        line.strip_prefix("ChromeDriver was started successfully on port ")?
            .trim_end_matches('.')
            .parse()
            .ok()
    })?;
    Some((child, port))
}
