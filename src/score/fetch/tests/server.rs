//! A server that answers as each test says.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener},
    sync::mpsc::{Receiver, channel},
};

/// One answer: status and headers as they are sent, then the body; the connection ends after it.
pub(super) struct Reply(String, Vec<u8>);

impl Reply {
    /// An answer that announces its length.
    pub(super) fn new(status: &str, headers: &str, body: &[u8]) -> Self {
        Self::announcing(body.len(), status, headers, body)
    }

    /// An answer that announces another length than it has.
    pub(super) fn announcing(bytes: usize, status: &str, headers: &str, body: &[u8]) -> Self {
        Self(format!("HTTP/1.1 {status}\r\nContent-Length: {bytes}\r\n{headers}"), body.to_vec())
    }

    /// An answer that ends with the connection.
    pub(super) fn endless(status: &str, headers: &str, body: &[u8]) -> Self {
        Self(format!("HTTP/1.1 {status}\r\n{headers}"), body.to_vec())
    }
}

/// A server that gives these replies, one per connection, and then is gone.
pub(super) struct Server {
    pub(super) address: String,
    asked: Receiver<String>,
}

impl Server {
    pub(super) fn new(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = channel();
        std::thread::spawn(move || {
            for Reply(head, body) in replies {
                let (mut stream, _) = listener.accept().unwrap();
                let request: Vec<String> = BufReader::new(&stream)
                    .lines()
                    .map(Result::unwrap)
                    .take_while(|line| !line.is_empty())
                    .collect();
                tell.send(request.join("\n").to_lowercase()).unwrap();
                write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
                // The client may have heard enough.
                let _ = stream.write_all(&body).and_then(|()| stream.shutdown(Shutdown::Both));
            }
        });
        Self { address, asked }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    /// The next request, in small letters.
    pub(super) fn asked(&self) -> String {
        self.asked.try_recv().unwrap()
    }
}
