//! The local network is told of the port, where that is wanted.

use mdns_sd::{ServiceDaemon, ServiceEvent};
use nix::sys::signal::Signal;

use crate::client::start;
use crate::support::LIMIT;

const SERVICE: &str = "_wyoming._tcp.local.";

#[test]
fn whoever_looks_for_it_on_the_network_finds_it_until_it_ends() {
    let daemon = ServiceDaemon::new().unwrap();
    let events = daemon.browse(SERVICE).unwrap();
    let server = start(&[("TTS_WYOMING_BIND", "0.0.0.0:0"), ("TTS_WYOMING_ANNOUNCE", "true")]);
    let port: u16 = server.wyoming().rsplit(':').next().unwrap().parse().unwrap();

    let name = loop {
        match events.recv_timeout(LIMIT).expect("it is announced") {
            ServiceEvent::ServiceResolved(found) if found.get_port() == port => {
                assert!(!found.get_addresses().is_empty());
                break found.get_fullname().to_owned();
            }
            _ => {}
        }
    };
    assert!(name.starts_with("tts-batch-api-") && name.ends_with(SERVICE), "{name}");
    server.signal(Signal::SIGTERM);
    assert!(server.wait().success());

    while !matches!(events.recv_timeout(LIMIT).expect("it is taken back"), ServiceEvent::ServiceRemoved(_, gone) if gone == name)
    {
    }
    daemon.shutdown().unwrap();
}
