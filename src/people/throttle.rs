//! How often somebody may try a password.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

/// Counts tries at the door, by name and by address, in this process. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Throttle {
    by_name: Arc<DefaultKeyedRateLimiter<String>>,
    by_address: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Default for Throttle {
    /// 20 tries at once for a name and then one in ten seconds; 60 for an address, and then one a second: an office
    /// may share one.
    fn default() -> Self {
        Self {
            by_name: Arc::new(RateLimiter::keyed(every(Duration::from_secs(10), 20))),
            by_address: Arc::new(RateLimiter::keyed(every(Duration::from_secs(1), 60))),
        }
    }
}

impl Throttle {
    /// Counts a try.
    ///
    /// # Errors
    /// When there were too many: how long to wait until the next one.
    pub fn count(&self, name: &str, address: Option<IpAddr>) -> Result<(), Duration> {
        let wait = |not_until: governor::NotUntil<_>| not_until.wait_time_from(DefaultClock::default().now());
        if let Some(address) = address {
            self.by_address.check_key(&address).map_err(wait)?;
        }
        self.by_name.check_key(&name.to_lowercase()).map_err(wait)?;
        // What is full again need not be remembered.
        if self.by_name.len() + self.by_address.len() > 10_000 {
            self.by_name.retain_recent();
            self.by_address.retain_recent();
        }
        Ok(())
    }
}

fn every(period: Duration, at_once: u32) -> Quota {
    let burst = NonZeroU32::new(at_once).unwrap_or(NonZeroU32::MIN);
    // A period of zero is the only one that is refused.
    Quota::with_period(period).unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN)).allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twenty_first_try_for_a_name_waits_and_another_name_does_not() {
        let throttle = Throttle::default();
        for _ in 0..20 {
            assert_eq!(throttle.count("Ada", None), Ok(()));
        }
        let wait = throttle.count("ADA", None).unwrap_err();
        assert!(wait > Duration::from_secs(8) && wait <= Duration::from_secs(10), "{wait:?}");
        assert_eq!(throttle.count("Grace", None), Ok(()));
    }

    #[test]
    fn one_address_cannot_try_every_name() {
        let throttle = Throttle::default();
        let address: IpAddr = "203.0.113.9".parse().unwrap();
        for number in 0..60 {
            assert_eq!(throttle.count(&number.to_string(), Some(address)), Ok(()));
        }
        assert!(throttle.count("another", Some(address)).is_err());
        assert_eq!(throttle.count("another", Some("203.0.113.10".parse().unwrap())), Ok(()));
    }
}
