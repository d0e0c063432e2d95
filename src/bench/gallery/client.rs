//! As much of a browser as it takes to measure pages: kept connections, a cookie, whole answers.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::bench::BenchError;

/// Where the pages are, and who asks.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    address: SocketAddr,
    cookie: String,
}

/// One kept connection.
pub(super) struct Connection {
    browser: Browser,
    stream: BufReader<TcpStream>,
}

struct Answer {
    status: u16,
    cookie: Option<String>,
    /// Bytes of the body, as sent.
    bytes: usize,
}

impl Browser {
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self { address, cookie: String::new() }
    }

    pub(super) async fn connect(&self) -> Result<Connection, BenchError> {
        let stream = TcpStream::connect(self.address).await.map_err(unanswered)?;
        stream.set_nodelay(true).map_err(unanswered)?;
        Ok(Connection { browser: self.clone(), stream: BufReader::new(stream) })
    }

    /// The same with the cookie of a session.
    pub(super) async fn sign_in(self, name: &str, password: &str) -> Result<Self, BenchError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("name", name)
            .append_pair("password", password)
            .finish();
        let head = format!(
            "POST /sign-in HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
            self.address,
            form.len()
        );
        let answer = self.connect().await?.ask(&head).await?;
        match answer.cookie {
            Some(cookie) => Ok(Self { cookie, ..self }),
            None => Err(BenchError::Page(format!("signing in was answered with {}", answer.status))),
        }
    }
}

impl Connection {
    /// Gets a page whole; its size in bytes, compressed.
    pub(super) async fn get(&mut self, path: &str) -> Result<usize, BenchError> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
            self.browser.address, self.browser.cookie
        );
        let answer = self.ask(&head).await?;
        match answer.status {
            200 => Ok(answer.bytes),
            status => Err(BenchError::Page(format!("{path} was answered with {status}"))),
        }
    }

    async fn ask(&mut self, request: &str) -> Result<Answer, BenchError> {
        self.stream.write_all(request.as_bytes()).await.map_err(unanswered)?;
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
        let bytes = if chunked { self.chunks().await? } else { self.skip(length).await? };
        Ok(Answer { status, cookie, bytes })
    }

    async fn chunks(&mut self) -> Result<usize, BenchError> {
        let mut all = 0;
        loop {
            let line = self.line().await?;
            let length = usize::from_str_radix(line.trim(), 16)
                .map_err(|_| BenchError::Page(format!("a chunk of the length {line:?}")))?;
            all += self.skip(length).await?;
            self.line().await?;
            if length == 0 {
                return Ok(all);
            }
        }
    }

    async fn skip(&mut self, length: usize) -> Result<usize, BenchError> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.map_err(unanswered)?;
        Ok(length)
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
