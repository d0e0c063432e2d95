//! The way out that the environment names.

use std::{ffi::OsString, fmt};

use ureq::{Proxy, ProxyProtocol, http::Uri};
use url::Url;

use super::FetchError;

/// Where a proxy is looked for: nearly every address is one of https.
const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// A proxy, and the variable that names it.
#[derive(Clone, Debug)]
pub(super) struct EnvProxy {
    pub(super) proxy: Proxy,
    variable: &'static str,
}

/// The way through a proxy, for who has to mend it: without the name and the password that the proxy may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRoute {
    address: String,
    variable: &'static str,
}

impl EnvProxy {
    /// The way that a request for `url` takes through it; nothing for the hosts that are reached without it.
    pub(super) fn route(&self, url: &str) -> Option<ProxyRoute> {
        let Self { proxy, variable } = self;
        let goes_around = url.parse().is_ok_and(|uri: Uri| proxy.is_no_proxy(&uri));
        let scheme = if proxy.protocol() == ProxyProtocol::Https { "https" } else { "http" };
        let address = format!("{scheme}://{}:{}", proxy.host(), proxy.port());
        (!goes_around).then_some(ProxyRoute { address, variable })
    }
}

impl ProxyRoute {
    /// The variable of the environment that names the proxy.
    pub const fn variable(&self) -> &'static str {
        self.variable
    }

    /// Whether the proxy itself is spoken to by TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.address.starts_with("https:")
    }
}

impl fmt::Display for ProxyRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.address, self.variable)
    }
}

/// The proxy of the first of [`VARIABLES`] that `environment` has, for all hosts but those of `NO_PROXY`; nothing where there is none.
///
/// # Errors
/// What it says is no proxy that can be used. Nobody goes around a proxy unasked.
pub(super) fn proxy(environment: impl Fn(&str) -> Option<OsString>) -> Result<Option<EnvProxy>, FetchError> {
    let set = |variable: &str| environment(variable).filter(|value| !value.is_empty());
    let Some((variable, value)) =
        VARIABLES.iter().find_map(|variable| set(variable).map(|value| (*variable, value)))
    else {
        return Ok(None);
    };
    let direct = set("NO_PROXY").or_else(|| set("no_proxy")).unwrap_or_default();
    match read(&value.to_string_lossy(), &direct.to_string_lossy()) {
        Ok(proxy) => Ok(Some(EnvProxy { proxy, variable })),
        Err(problem) => Err(FetchError::Proxy { variable, problem }),
    }
}

fn read(value: &str, direct: &str) -> Result<Proxy, String> {
    let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url = Url::parse(&text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("those of the kind {} are not spoken to", url.scheme()));
    }
    let named = Proxy::new(&text).map_err(|error| error.to_string())?;
    let mut proxy = Proxy::builder(named.protocol()).host(named.host()).port(named.port());
    if let Some(name) = named.username() {
        proxy = proxy.username(name);
    }
    if let Some(password) = named.password() {
        proxy = proxy.password(password);
    }
    for host in direct.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        proxy = proxy.no_proxy(host);
    }
    proxy.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Option<EnvProxy>, FetchError> {
        proxy(|asked| variables.iter().find(|(name, _)| *name == asked).map(|(_, value)| value.into()))
    }

    fn host(variables: &[(&str, &str)]) -> String {
        of(variables).unwrap().unwrap().proxy.host().to_owned()
    }

    #[test]
    fn the_proxy_for_https_is_taken_before_others_and_an_empty_one_is_none() {
        let (all, https) = (("ALL_PROXY", "socks5://all:1"), ("https_proxy", "secure:3128"));
        assert_eq!(host(&[all, https]), "secure");
        assert_eq!(host(&[all, ("HTTPS_PROXY", ""), ("HTTP_PROXY", "http://plain")]), "plain");
        assert_eq!(host(&[("all_proxy", "http://[::1]:8080")]), "[::1]");
        assert!(of(&[("HTTPS_PROXY", "")]).unwrap().is_none() && of(&[]).unwrap().is_none());
    }

    #[test]
    fn name_password_port_and_exceptions_are_kept() {
        let proxy = of(&[
            ("HTTPS_PROXY", "http://somebody:p%40ss@proxy.example:3128/"),
            ("NO_PROXY", "localhost, .intern.example"),
        ]);
        let named = proxy.unwrap().unwrap();
        let proxy = &named.proxy;
        assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 3128));
        assert_eq!((proxy.username(), proxy.password()), (Some("somebody"), Some("p@ss")));
        let goes_around = |address: &'static str| proxy.is_no_proxy(&address.parse().unwrap());
        assert!(goes_around("http://localhost/x") && goes_around("https://models.intern.example/x"));
        assert!(!goes_around("https://models.example/x"));
        assert_eq!(named.route("http://localhost/x"), None);
        let route = named.route("https://models.example/x").unwrap().to_string();
        assert_eq!(route, "http://proxy.example:3128 of HTTPS_PROXY");
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for (value, problem) in [
            ("socks5://name:secret@proxy:1080", "those of the kind socks5 are not spoken to"),
            ("http://name:secret@proxy:99999", "invalid port number"),
            ("http://name:secret@", "empty host"),
            ("name:secret@proxy:port", "invalid port number"),
        ] {
            let message = of(&[("HTTPS_PROXY", value)]).unwrap_err().to_string();
            assert!(message.starts_with("HTTPS_PROXY names no proxy that can be used: "), "{message}");
            assert!(message.contains(problem) && !message.contains("secret"), "{value}: {message}");
        }
    }
}
