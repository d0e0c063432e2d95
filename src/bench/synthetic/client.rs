//! As much of a browser as it takes to measure pages: kept connections, a cookie, whole answers.

use std::net::{IpAddr, SocketAddr};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::bench::BenchError;

/// Where the pages are, and who asks.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Browser {
    address: SocketAddr,
    /// Where the visitor says that they come from: of one address only so many may sign in at once.
    from: IpAddr,
    cookie: String,
}

/// One kept connection.
pub(in crate::bench) struct Connection {
    browser: Browser,
    stream: BufReader<TcpStream>,
}

/// What was answered.
pub(in crate::bench) struct Answer {
    pub(in crate::bench) status: u16,
    cookie: Option<String>,
    /// The body, as sent.
    pub(in crate::bench) body: Vec<u8>,
}

impl Browser {
    pub(in crate::bench) const fn new(address: SocketAddr, from: IpAddr) -> Self {
        Self { address, from, cookie: String::new() }
    }

    pub(in crate::bench) async fn connect(&self) -> Result<Connection, BenchError> {
        let stream = TcpStream::connect(self.address).await.map_err(unanswered)?;
        stream.set_nodelay(true).map_err(unanswered)?;
        Ok(Connection { browser: self.clone(), stream: BufReader::new(stream) })
    }

    /// The same with the cookie of a session.
    pub(in crate::bench) async fn sign_in(self, name: &str, password: &str) -> Result<Self, BenchError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("name", name)
            .append_pair("password", password)
            .finish();
        let answer = self.connect().await?.post("/sign-in", &form).await?;
        match answer.cookie {
            Some(cookie) => Ok(Self { cookie, ..self }),
            None => Err(BenchError::Page(format!("signing in was answered with {}", answer.status))),
        }
    }
}

impl Browser {
    fn head(&self) -> String {
        format!("Host: {}\r\nX-Forwarded-For: {}\r\nCookie: {}\r\n", self.address, self.from, self.cookie)
    }

    fn form(&self, path: &str, form: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\n{}Sec-Fetch-Site: same-origin\r\nAccept: application/json\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            self.head(),
            form.len()
        )
    }
}

impl Connection {
    /// Gets a page whole; its size in bytes, compressed.
    pub(in crate::bench) async fn get(&mut self, path: &str) -> Result<usize, BenchError> {
        let head = format!(
            "GET {path} HTTP/1.1\r\n{}Accept: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
            self.browser.head()
        );
        let answer = self.ask(head.as_bytes()).await?;
        match answer.status {
            200 => Ok(answer.body.len()),
            status => Err(BenchError::Page(format!("{path} was answered with {status}"))),
        }
    }

    /// Sends a form, as the pages' own scripts do.
    pub(in crate::bench) async fn post(&mut self, path: &str, form: &str) -> Result<Answer, BenchError> {
        self.ask(self.browser.form(path, form).as_bytes()).await
    }

    /// Sends that share of a form's bytes and hangs up without waiting for an answer.
    pub(in crate::bench) async fn cut_off(
        mut self,
        path: &str,
        form: &str,
        share: f64,
    ) -> Result<(), BenchError> {
        let bytes = self.browser.form(path, form).into_bytes();
        let part = (share.clamp(0.0, 1.0) * bytes.len() as f64) as usize;
        self.stream.write_all(&bytes[..part]).await.map_err(unanswered)
    }

    async fn ask(&mut self, request: &[u8]) -> Result<Answer, BenchError> {
        self.stream.write_all(request).await.map_err(unanswered)?;
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let (mut cookie, mut length, mut chunked) = (None, 0, false);
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "set-cookie" => cookie = value.trim().split(';').next().map(str::to_owned),
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "transfer-encoding" => chunked = value.contains("chunked"),
                _ => {}
            }
        }
        let body = if chunked { self.chunks().await? } else { self.take(length).await? };
        Ok(Answer { status, cookie, body })
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, BenchError> {
        let mut all = vec![];
        loop {
            let line = self.line().await?;
            let length = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| BenchError::Page(format!("a chunk of the length {line:?}")))?;
            all.extend(self.take(length).await?);
            self.line().await?;
            if length == 0 {
                return Ok(all);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, BenchError> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.map_err(unanswered)?;
        Ok(body)
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<String, BenchError> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await.map_err(unanswered)? == 0 {
            return Err(BenchError::Page("the server closed the connection".to_owned()));
        }
        Ok(line.trim_end().to_owned())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn unanswered(error: std::io::Error) -> BenchError {
    BenchError::Page(error.to_string())
}
