//! Voices over HTTPS: which certificates are trusted, and how an operator adds one.

use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::fixture::{Fixture, MODEL, VOICE, assert_installed, names_in};
use crate::source::{Fault, Source};

const UNAVAILABLE: i32 = 69;

/// An authority that nobody knows.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A source with [`VOICE`] whose certificate is of this authority and for this name.
    fn source_for(&self, name: &str) -> Fixture {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap();
        Fixture::with_source(Source::start_tls(Arc::new(tls)))
    }

    /// Where the authority's certificate lies, as an operator keeps it.
    fn file(&self, fixture: &Fixture) -> PathBuf {
        let path = fixture.root.path().join("authority.pem");
        std::fs::write(&path, self.0.pem()).unwrap();
        path
    }
}

fn fetch(fixture: &Fixture, certificates: &PathBuf) -> Output {
    fixture.command(&["fetch", VOICE]).env("SSL_CERT_FILE", certificates).output().unwrap()
}

/// Asserts that nothing was fetched and that one line says why, and what to do.
#[track_caller]
fn assert_untrusted(run: &Output, fixture: &Fixture, reason: &str) {
    let error = String::from_utf8_lossy(&run.stderr);
    let last = error.lines().last().unwrap_or_default();
    assert_eq!(run.status.code(), Some(UNAVAILABLE), "{error}");
    assert!(last.contains(reason) && last.contains("SSL_CERT_FILE") && last.contains("ca-certificates"), "{error}");
    assert_eq!(names_in(&fixture.models()).iter().filter(|name| name.contains(VOICE)).count(), 0);
    assert_eq!(fixture.source.requests(), []);
}

#[test]
fn the_authority_of_a_private_mirror_is_named_in_ssl_cert_file() {
    let authority = Authority::new("one");
    let fixture = authority.source_for("127.0.0.1");

    let fetched = fetch(&fixture, &authority.file(&fixture));

    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert_installed(&fixture.models());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_at_once() {
    let fixture = Authority::new("one").source_for("127.0.0.1");
    let other = Authority::new("other").file(&fixture);

    let refused = fetch(&fixture, &other);

    assert_untrusted(&refused, &fixture, "UnknownIssuer");
    assert_eq!(fixture.source.connections(), 1, "it was tried again");
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new("one");
    let fixture = authority.source_for("voices.test");

    let refused = fetch(&fixture, &authority.file(&fixture));

    assert_untrusted(&refused, &fixture, "not valid for name");
}

#[test]
fn where_no_authority_is_known_https_is_refused_and_http_works() {
    let none = tempfile::NamedTempFile::new().unwrap().into_temp_path().to_path_buf();
    std::fs::write(&none, "").unwrap();
    let (over_https, over_http) = (Authority::new("one").source_for("127.0.0.1"), Fixture::new());

    let refused = fetch(&over_https, &none);
    let fetched = fetch(&over_http, &none);
    std::fs::remove_file(none).unwrap();

    assert_untrusted(&refused, &over_https, "No CA certificates");
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert_installed(&over_http.models());
}

#[test]
fn a_redirect_from_https_to_less_is_not_followed() {
    let authority = Authority::new("one");
    let (fixture, plain) = (authority.source_for("127.0.0.1"), Fixture::new());
    fixture.source.fail(MODEL, std::iter::repeat_n(Fault::Redirect(format!("{}/{MODEL}", plain.source.url())), 9));

    let refused = fetch(&fixture, &authority.file(&fixture));

    assert_eq!(refused.status.code(), Some(UNAVAILABLE));
    assert_eq!(plain.source.connections(), 0);
}
