//! What `deploy/` holds, judged by the tools of those for whom it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::TestServer;

/// `make test` installs helm and the schemas there.
const PACKAGES: &str = "target/packages";
const CHART: &str = "deploy/helm/tts-batch-api";
/// The newest version whose schemas are at hand and that the chart is for.
const KUBERNETES: &str = "1.32";

/// Every part of the chart that can be switched on, and every list with something in it.
const EVERYTHING: &str = "
secret: {existing: callers}
imagePullSecrets: [{name: registry}]
settings: {TTS_VOICES: '*', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318'}
storage: {existingClaim: voices}
extraVolumes: [{name: lexicons, configMap: {name: lexicons}}]
extraVolumeMounts: [{name: lexicons, mountPath: /lexicons}]
autoscaling: {enabled: true, queueDepth: 8}
ingress:
  enabled: true
  className: nginx
  hosts: [tts.example, speech.example]
  tls: [{hosts: [tts.example], secretName: tts-example}]
networkPolicy: {enabled: true, from: [{namespaceSelector: {}}]}
wyoming: {enabled: true, port: 10300, allow: [10.0.0.0/8, 'fd00::/8']}
serviceMonitor: {enabled: true, labels: {release: prometheus}, authorization: {credentials: {name: metrics, key: token}}}
podAnnotations: {a: b}
nodeSelector: {a: b}
tolerations: [{key: a, operator: Exists}]
affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
";
const SECRET: &str = "secret: {values: {ALLOWED_USER_TOKEN: token}}";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs helm with these values.
fn helm(command: &[&str], values: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), values).unwrap();
    let mut helm = Command::new(root().join(PACKAGES).join("bin/helm"));
    helm.current_dir(root()).args(command).arg("--values").arg(file.path());
    helm.output().expect("helm is installed: run `make test-tools`")
}

#[track_caller]
fn manifests(values: &str) -> String {
    let output = helm(&["template", "tts", CHART, "--kube-version", KUBERNETES], values);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the schemas of Kubernetes find in it: the kinds.
#[track_caller]
fn kinds(manifests: &str) -> Vec<String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), manifests).unwrap();
    let output = Command::new("python3")
        .arg(root().join("tests/deploy/manifests.py"))
        .env("PYTHONPATH", root().join(PACKAGES))
        .stdin(Stdio::from(fs::File::open(file.path()).unwrap()))
        .output()
        .expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut kinds: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    kinds.sort();
    kinds
}

#[test]
fn the_chart_makes_manifests_that_kubernetes_knows() {
    let few = ["ConfigMap", "Deployment", "PodDisruptionBudget", "Secret", "Service"];
    let all = [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceMonitor",
    ];

    let lint = helm(&["lint", "--strict", CHART], SECRET);

    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
    assert_eq!(kinds(&manifests(SECRET)), few);
    assert_eq!(kinds(&manifests(EVERYTHING)), all);
}

#[test]
fn the_ingress_leads_each_host_to_the_service_and_lets_streams_and_batches_through() {
    let all = manifests(EVERYTHING);
    let ingress = all.split("\n---\n").find(|manifest| manifest.contains("kind: Ingress\n")).unwrap();

    let service = "              service:\n                name: tts-tts-batch-api\n                port:\n                  name: http";
    assert_eq!(ingress.matches(service).count(), 2, "{ingress}");
    for line in [
        "- host: \"tts.example\"",
        "- host: \"speech.example\"",
        "secretName: tts-example",
        "ingressClassName: nginx",
        "nginx.ingress.kubernetes.io/proxy-buffering: \"off\"",
        // As large as `batch_body_limit_bytes`, which is 8 MiB.
        "nginx.ingress.kubernetes.io/proxy-body-size: 8m",
    ] {
        assert!(ingress.contains(line), "{line} in {ingress}");
    }
}

#[test]
fn the_chart_refuses_what_it_does_not_know_and_to_start_without_a_secret() {
    for (values, said) in [
        ("", "secret.existing"),
        ("replicas: many", "replicas"),
        ("replica: 2", "replica"),
        ("settings: {VOICES: x}", "VOICES"),
        ("secret: {existing: x}\ningress: {enabled: true}", "ingress.hosts"),
        ("ingress: {enabled: true, host: tts.example}", "host"),
        ("secret: {values: {TTS_REDIS_URL: x}}", "secret.values.ALLOWED_USER_TOKEN"),
        ("secret: {values: {ALLOWED_USER_TOKEN: ''}}", "secret.values.ALLOWED_USER_TOKEN"),
        // By which the pod is sized.
        ("secret: {existing: x}\nsettings: {TTS_WORKERS: '4'}", "set workers"),
        ("secret: {existing: x}\nsettings: {TTS_BIND: '0.0.0.0:9000'}", "TTS_BIND"),
        (
            "secret: {existing: x}\nautoscaling: {enabled: true, minReplicas: 5, maxReplicas: 2}",
            "autoscaling.maxReplicas",
        ),
        ("secret: {existing: x}\nsettings: {TTS_WYOMING_BIND: '0.0.0.0:10200'}", "set wyoming.enabled"),
        ("wyoming: {enabled: true, bind: 0.0.0.0}", "bind"),
    ] {
        let output = helm(&["template", "tts", CHART, "--kube-version", KUBERNETES], values);

        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(said), "{values}: {errors}");
    }
}

#[test]
fn the_service_starts_with_the_settings_that_the_chart_gives_it() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = manifests(SECRET).replace("/data", folder.path().to_str().unwrap());
    let settings = manifests.split("\n---\n").find(|manifest| manifest.contains("kind: ConfigMap")).unwrap();
    let settings: Vec<(&str, &str)> = settings
        .lines()
        .skip_while(|line| *line != "data:")
        .skip(1)
        .map(|line| line.trim().split_once(": ").unwrap())
        .map(|(name, value)| (name, value.trim_matches('"')))
        .filter(|(name, _)| *name != "TTS_BIND")
        .collect();
    assert!(settings.len() >= 6, "{settings:?}");

    let server = TestServer::start(&settings);

    assert!(folder.path().join("compiled").is_dir());
    assert_eq!(server.get("/readyz").status, 200);
}

#[test]
fn the_chart_leads_home_assistant_to_the_service_if_that_is_wanted() {
    let (few, all) = (manifests(SECRET), manifests(EVERYTHING));
    let of_kind = |kind: &str| {
        let kind = format!("\nkind: {kind}\n");
        all.split("\n---\n").find(|manifest| manifest.contains(&kind)).unwrap()
    };

    assert!(!few.to_lowercase().contains("wyoming"), "{few}");
    assert!(of_kind("Deployment").contains("- name: wyoming\n              containerPort: 10200\n"));
    assert!(of_kind("Service").contains("- name: wyoming\n      port: 10300\n      targetPort: wyoming"));
    assert!(of_kind("NetworkPolicy").contains("- port: http\n        - port: wyoming"));
    let settings = of_kind("ConfigMap");
    assert!(settings.contains("TTS_WYOMING_BIND: 0.0.0.0:10200\n"), "{settings}");
    assert!(settings.contains("TTS_WYOMING_ALLOW: \"10.0.0.0/8,fd00::/8\"\n"), "{settings}");
}

#[test]
fn systemd_understands_the_unit() {
    let unit = fs::read_to_string(root().join("deploy/systemd/tts-batch-api.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tts-batch-api.service");
    // Where it says that the program is, it is on no machine that runs tests.
    let program = "ExecStart=/opt/tts-batch-api/tts-batch-api ";
    assert!(unit.contains(program));
    fs::write(&file, unit.replace(program, &format!("ExecStart={} ", env!("CARGO_BIN_EXE_tts-batch-api")))).unwrap();
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&file).output().expect("systemd-analyze");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        said.into_owned()
    };

    // It verifies with warnings as well; ours has none.
    assert_eq!(analyze(&["verify"]), "");
    println!("{}", analyze(&["security", "--offline=true", "--threshold=25"]).lines().last().unwrap_or_default());
}

#[test]
fn the_files_that_compose_mounts_are_there() {
    let folder = root().join("deploy/compose");
    let compose = fs::read_to_string(folder.join("compose.yaml")).unwrap();
    let mounted: Vec<PathBuf> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ."))
        .map(|mount| folder.join(format!(".{}", mount.split(':').next().unwrap())))
        .collect();

    assert!(mounted.len() >= 5, "{mounted:?}");
    for file in mounted {
        assert!(file.is_file(), "{}", file.display());
    }
}

/// What `make tools` says where these commands are the only ones, and whether it was content.
fn make_tools(commands: &[(&str, &str)]) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in commands {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for name in ["mktemp", "rm"] {
        symlink(Path::new("/usr/bin").join(name), folder.path().join(name)).unwrap();
    }
    let mut make = Command::new("/usr/bin/make");
    make.args(["--no-print-directory", "tools", "CARGO=cargo", "PYTHON=python3"]).current_dir(root());
    let output = make.env("PATH", folder.path()).output().expect("make");
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.success())
}

#[test]
fn make_names_all_that_is_missing_at_once_and_a_compiler_that_links_nothing() {
    let well = [("cargo", ""), ("cc", ""), ("python3", "")];

    let (nothing, _) = make_tools(&[]);
    let (no_library, _) = make_tools(&[well[0], ("cc", "exit 1"), ("python3", "exit 1")]);

    for name in ["cargo", "gcc libc6-dev", "python3 python3-pip"] {
        assert!(nothing.contains(name), "{name} in {nothing}");
    }
    assert!(no_library.contains("libc6-dev") && no_library.contains("install python3-pip"), "{no_library}");
    assert!(!no_library.contains("cargo"), "{no_library}");
    assert_eq!(make_tools(&well), (String::new(), true));
}
