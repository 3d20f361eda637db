//! Who may connect at all: networks, and how many from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Networks of an endpoint: an address and how many of its bits count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Networks {
    /// Only from these, if there are any.
    pub(crate) allow: Vec<(IpAddr, u8)>,
    /// Not from these, whatever `allow` says.
    pub(crate) deny: Vec<(IpAddr, u8)>,
}

impl Networks {
    pub(crate) fn admit(&self, address: IpAddr) -> bool {
        !among(&self.deny, address) && (self.allow.is_empty() || among(&self.allow, address))
    }

    /// Whether an address is allowed by name.
    pub(crate) fn name(&self, address: IpAddr) -> bool {
        among(&self.allow, address)
    }
}

fn among(networks: &[(IpAddr, u8)], address: IpAddr) -> bool {
    // An IPv4 client of an IPv6 socket is an IPv4 client.
    let address = address.to_canonical();
    networks.iter().any(|(network, bits)| splitfin_router::within(address, *network, *bits))
}

/// Counts clients by address, over all endpoints.
#[derive(Debug)]
pub(crate) struct Admission {
    most: AtomicUsize,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

impl Admission {
    /// At most so many from one address; 0 is no limit.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: AtomicUsize::new(most), clients: Mutex::default() })
    }

    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Counts one more client of this address in, if there may be one more.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Admitted> {
        let most = self.most.load(Ordering::Relaxed);
        let mut clients = self.clients();
        let count = clients.entry(address).or_default();
        if most > 0 && *count >= most {
            return None;
        }
        *count += 1;
        Some(Admitted { admission: Arc::clone(self), address })
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A count is never half changed.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client that is counted, until this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut clients = self.admission.clients();
        if let Some(count) = clients.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> (IpAddr, u8) {
        let (address, bits) = text.split_once('/').unwrap();
        (address.parse().unwrap(), bits.parse().unwrap())
    }

    #[test]
    fn deny_goes_before_allow_and_no_allow_is_everybody() {
        let networks = Networks { allow: vec![network("10.0.0.0/8")], deny: vec![network("10.1.0.0/16")] };
        let admitted = |text: &str| networks.admit(text.parse().unwrap());
        assert!(admitted("10.2.3.4") && admitted("::ffff:10.2.3.4"));
        assert!(!admitted("10.1.3.4") && !admitted("192.0.2.1") && !admitted("::1"));
        assert!(Networks::default().admit("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn so_many_from_one_address_and_others_besides() {
        let admission = Admission::new(2);
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let first = admission.enter(one);
        let _second = admission.enter(one).unwrap();
        assert!(admission.enter(one).is_none() && admission.enter(other).is_some());
        drop(first);
        assert!(admission.enter(one).is_some());
        admission.set_most(0);
        let many: Vec<_> = (0..100).filter_map(|_| admission.enter(one)).collect();
        assert_eq!(many.len(), 100);
        drop(many);
        assert_eq!(admission.clients().len(), 1);
    }
}
