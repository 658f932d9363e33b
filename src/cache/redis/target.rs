//! Owns the address of Redis as a URL has it: one server, a cluster, or sentinels that know the master. The URL may
//! hold a password, so that it is neither printed nor quoted.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, RedisResult, TlsMode};

/// Where Redis is, and who connects to it.
#[derive(Clone)]
pub enum RedisTarget {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
    Sentinel(Box<Sentinels>),
}

/// Servers that know which one is the master, and how to speak to that one.
#[derive(Clone)]
pub struct Sentinels {
    addresses: Vec<ConnectionInfo>,
    master: String,
    node: SentinelNodeConnectionInfo,
}

/// A connection that many use at a time. A clone is the same one.
#[derive(Clone)]
pub enum SharedConnection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// The URL is of no use. The message quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidTarget(&'static str);

/// What a URL with several hosts consists of:
/// `scheme://[[user]:password@]host[:port][,host[:port]]...[/database][#fragment]`.
struct Several<'a> {
    /// With what follows it: `user:password@`, or empty.
    credentials: &'a str,
    hosts: Vec<&'a str>,
    database: &'a str,
    fragment: Option<&'a str>,
}

const EXPECTED: &str = "must be a URL such as redis://host:6379, rediss://host, redis+unix:///run/redis.sock, \
     redis-cluster://host1,host2 or redis-sentinel://host1,host2#master";
const NO_HOST: &str = "names no host: redis-cluster://host1,host2 or redis-sentinel://host1,host2#master";
const NO_PORT: &str = "has a host with a port that is none: behind the colon stands a number from 1 to 65535";
const NO_DATABASE: &str = "has no number behind the slash, where a database's stands; the name of the master that sentinels know stands behind #";
const SENTINEL_PORT: u16 = 26_379;
const DEFAULT_MASTER: &str = "mymaster";
/// Commands that may stand in line for the socket.
const PIPELINE_BUFFER: usize = 256;

// === impl RedisTarget ===

impl RedisTarget {
    /// Understands the URL. Opens no connection.
    pub fn parse(url: &str) -> Result<Self, InvalidTarget> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidTarget(EXPECTED))?;
        match scheme {
            "redis-cluster" | "rediss-cluster" | "valkey-cluster" => Self::cluster(&Several::parse(rest)?, scheme),
            "redis-sentinel" | "rediss-sentinel" | "valkey-sentinel" => Self::sentinel(&Several::parse(rest)?, scheme),
            _ => Client::open(url).map(|client| Self::Single(Box::new(client))).map_err(|_| InvalidTarget(EXPECTED)),
        }
    }

    fn cluster(several: &Several<'_>, scheme: &str) -> Result<Self, InvalidTarget> {
        let nodes = several.urls(node_scheme(scheme), several.credentials);
        // What is retried is asked by nobody any more: one try, and the next answer is that of a node that knows
        // better.
        ClusterClientBuilder::new(nodes)
            .retries(1)
            .build()
            .map(|client| Self::Cluster(Box::new(client)))
            .map_err(|_| InvalidTarget(EXPECTED))
    }

    fn sentinel(several: &Several<'_>, scheme: &str) -> Result<Self, InvalidTarget> {
        let invalid = |_| InvalidTarget(EXPECTED);
        // Database and password are the master's; sentinels have none of the kind.
        let node = format!("redis://{}master/{}", several.credentials, several.database);
        let node = node.as_str().into_connection_info().map_err(invalid)?.redis_settings().clone();
        let mut info = SentinelNodeConnectionInfo::default().set_redis_connection_info(node);
        if node_scheme(scheme) == "rediss" {
            info = info.set_tls_mode(TlsMode::Secure);
        }
        let addresses = several.urls(node_scheme(scheme), "").into_iter().zip(&several.hosts).map(|(url, host)| {
            let url = if port(host).is_some() { url } else { format!("{url}:{SENTINEL_PORT}") };
            url.as_str().into_connection_info()
        });
        Ok(Self::Sentinel(Box::new(Sentinels {
            addresses: addresses.collect::<RedisResult<_>>().map_err(invalid)?,
            master: several.fragment.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_MASTER).to_owned(),
            node: info,
        })))
    }

    /// A connection to the server, the cluster or the master of now. Waits no longer than `limit` for a server to
    /// answer.
    pub async fn connect(&self, limit: Duration) -> RedisResult<SharedConnection> {
        // Whoever calls has a limit of their own, shorter than any that this could have.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(limit))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        match self {
            Self::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(SharedConnection::Single)
            }
            Self::Cluster(client) => client.get_async_connection().await.map(SharedConnection::Cluster),
            Self::Sentinel(sentinels) => {
                let mut client = SentinelClient::build(
                    sentinels.addresses.clone(),
                    &sentinels.master,
                    Some(sentinels.node.clone()),
                    SentinelServerType::Master,
                )?;
                client.get_async_connection_with_config(&config).await.map(SharedConnection::Single)
            }
        }
    }
}

impl fmt::Debug for RedisTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single(_) => "one server",
            Self::Cluster(_) => "a cluster",
            Self::Sentinel(_) => "sentinels",
        })
    }
}

// === impl Several ===

impl<'a> Several<'a> {
    fn parse(rest: &'a str) -> Result<Self, InvalidTarget> {
        let (rest, fragment) = rest.split_once('#').map_or((rest, None), |(rest, fragment)| (rest, Some(fragment)));
        let host_begins = rest.rfind('@').map_or(0, |at| at + 1);
        let (credentials, rest) = rest.split_at(host_begins);
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        let hosts: Vec<&str> = hosts.split(',').filter(|host| !host.is_empty()).collect();
        if hosts.is_empty() {
            return Err(InvalidTarget(NO_HOST));
        }
        let is_port = |port: &str| port.parse().is_ok_and(|port: u16| port > 0);
        if !hosts.iter().filter_map(|host| port(host)).all(is_port) {
            return Err(InvalidTarget(NO_PORT));
        }
        let number = database.split_once('?').map_or(database, |(number, _)| number);
        if !number.is_empty() && number.parse::<u32>().is_err() {
            return Err(InvalidTarget(NO_DATABASE));
        }
        Ok(Self { credentials, hosts, database, fragment })
    }

    fn urls(&self, scheme: &str, credentials: &str) -> Vec<String> {
        self.hosts.iter().map(|host| format!("{scheme}://{credentials}{host}")).collect()
    }
}

fn node_scheme(scheme: &str) -> &'static str {
    if scheme.starts_with("rediss") { "rediss" } else { "redis" }
}

/// An IPv6 address in brackets has colons of its own.
fn port(host: &str) -> Option<&str> {
    if host.ends_with(']') { None } else { host.rsplit_once(':').map(|(_, port)| port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_every_kind_are_understood() {
        let cases = [
            ("redis://localhost", "one server"),
            ("redis://user:p%40ss@localhost:6380/3", "one server"),
            ("rediss://localhost", "one server"),
            ("valkey://localhost", "one server"),
            ("redis+unix:///run/redis.sock", "one server"),
            ("unix:///run/redis.sock", "one server"),
            ("redis-cluster://a,b:7001,[::1]:7002", "a cluster"),
            ("rediss-cluster://:secret@a,b", "a cluster"),
            ("redis-sentinel://a,b:26380,c/2#main", "sentinels"),
            ("redis-sentinel://user:secret@a", "sentinels"),
        ];
        for (url, kind) in cases {
            let target = RedisTarget::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(format!("{target:?}"), kind, "{url}");
        }
    }

    #[test]
    fn sentinels_have_their_port_and_the_master_has_the_secret() {
        let Ok(RedisTarget::Sentinel(sentinels)) = RedisTarget::parse("redis-sentinel://:secret@a,b:1,[::1]/2#main")
        else {
            panic!("no sentinels");
        };

        let addresses: Vec<String> = sentinels.addresses.iter().map(|info| info.addr().to_string()).collect();
        assert_eq!(addresses, ["a:26379", "b:1", "::1:26379"]);
        assert_eq!(sentinels.master, "main");
        assert!(sentinels.addresses.iter().all(|info| info.redis_settings().password().is_none()));
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_being_quoted() {
        for url in [
            "",
            "localhost",
            "http://SECRET@host",
            "redis://",
            "redis-cluster://",
            "redis://h:SECRET/x",
            "redis-sentinel://",
        ] {
            let error = RedisTarget::parse(url).err().unwrap_or_else(|| panic!("{url} is accepted"));

            assert!(!error.to_string().contains("SECRET"));
        }
    }

    #[test]
    fn what_is_wrong_with_several_hosts_is_said() {
        for (url, problem) in [
            ("redis-sentinel://", NO_HOST),
            ("redis-sentinel://:SECRET@/0#main", NO_HOST),
            ("redis-cluster://,", NO_HOST),
            ("redis-sentinel://a:26379/main", NO_DATABASE),
            ("redis-sentinel://a:26379/main/0", NO_DATABASE),
            ("redis-cluster://a,b:port", NO_PORT),
            ("redis-sentinel://a:70000#main", NO_PORT),
            ("redis-sentinel://[::1]:0#main", NO_PORT),
        ] {
            assert_eq!(RedisTarget::parse(url).err(), Some(InvalidTarget(problem)), "{url}");
        }
        assert!(RedisTarget::parse("redis-sentinel://[::1],a:1/2?protocol=resp3#main").is_ok());
    }
}
