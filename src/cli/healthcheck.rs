//! `chronograde healthcheck`: whether the service of these settings answers, for containers without `curl`.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, bail};

use super::Context;
use crate::config::normal_path;

/// A service that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(3);

/// Succeeds when `/healthz` answers 200.
///
/// # Errors
/// It does not.
pub fn run(context: &Context) -> anyhow::Result<ExitCode> {
    ask(context.settings.listen, &context.settings.base_path)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the service that listens at `listen` whether it is alive.
///
/// # Errors
/// It does not answer, or not with 200.
pub(super) fn ask(listen: SocketAddr, base_path: &str) -> anyhow::Result<()> {
    let address = reachable(listen);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)
        .with_context(|| format!("nothing answers at {address}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let path = normal_path(base_path);
    write!(stream, "GET {path}/healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).with_context(|| format!("{address} does not speak HTTP"))?;
    if &head[8..] != b" 200" {
        bail!("{address} is not well: {}", String::from_utf8_lossy(&head));
    }
    Ok(())
}

/// `0.0.0.0` is every address of the machine; this one can be called.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_all_is_called_at_the_loopback() {
        for (listen, called) in
            [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("192.0.2.1:80", "192.0.2.1:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()), called.parse().unwrap());
        }
    }
}
