//! Owns telling settings from what an orchestrator puts into the environment of its own accord: Kubernetes tells each
//! container of the services beside it, in variables that begin with their names
//! (<https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>). Beside a service called
//! `tts` they look like settings.

use std::net::IpAddr;

const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];

/// Whether the variable says where a service is. Its name and its value have to look so.
pub fn is_service_link(name: &str, value: &str) -> bool {
    let is_port = || value.parse::<u16>().is_ok();
    if name.ends_with("_SERVICE_HOST") {
        return value.parse::<IpAddr>().is_ok();
    }
    if name.ends_with("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") {
        return is_port();
    }
    let Some((port, rest)) = name.rsplit_once("_PORT_").and_then(|(_, rest)| rest.split_once('_')) else {
        return name.ends_with("_PORT") && is_address(value);
    };
    let (protocol, part) = rest.split_once('_').unwrap_or((rest, ""));
    let is_known = port.parse::<u16>().is_ok() && PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol));
    is_known
        && match part {
            "" => is_address(value),
            "ADDR" => value.parse::<IpAddr>().is_ok(),
            "PROTO" => PROTOCOLS.contains(&value),
            "PORT" => is_port(),
            _ => false,
        }
}

/// Such as `tcp://10.0.0.1:80`.
fn is_address(value: &str) -> bool {
    let parts = value.split_once("://").and_then(|(protocol, place)| Some((protocol, place.rsplit_once(':')?.1)));
    parts.is_some_and(|(protocol, port)| PROTOCOLS.contains(&protocol) && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_says_of_its_services_is_no_setting() {
        for prefix in ["TTS", "TTS_BATCH_API", "TTS_REDIS", "REDIS"] {
            for (rest, value) in [
                ("SERVICE_HOST", "10.96.0.7"),
                ("SERVICE_HOST", "fd00::7"),
                ("SERVICE_PORT", "80"),
                ("SERVICE_PORT_HTTP", "80"),
                ("PORT", "tcp://10.96.0.7:80"),
                ("PORT", "udp://[fd00::7]:80"),
                ("PORT_80_TCP", "tcp://10.96.0.7:80"),
                ("PORT_80_TCP_PROTO", "tcp"),
                ("PORT_80_TCP_PORT", "80"),
                ("PORT_80_TCP_ADDR", "10.96.0.7"),
            ] {
                assert!(is_service_link(&format!("{prefix}_{rest}"), value), "{prefix}_{rest}={value}");
            }
        }
    }

    #[test]
    fn what_a_person_wrote_is_one() {
        for (name, value) in [
            ("TTS_PORT", "8080"),
            ("REDIS_PORT", "6379"),
            ("REDIS_PORT", "tcp://x"),
            ("TTS_PORT", "http://localhost:80"),
            ("TTS_SERVICE_HOST", "tts.example"),
            ("TTS_SERVICE_PORT", "http"),
            ("TTS_PORT_80", "80"),
            ("TTS_PORT_80_HTTP", "tcp://10.96.0.7:80"),
            ("TTS_WORKERS", "2"),
            ("TTS_BIND", "10.96.0.7:80"),
        ] {
            assert!(!is_service_link(name, value), "{name}={value}");
        }
    }
}
