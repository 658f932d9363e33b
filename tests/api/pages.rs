//! The pages for people, and the description that they are made of. That they work is the browser's test.

use reqwest::Method;

use crate::support::{Answer, TestServer, shared};

const FILES: &[(&str, &str)] = &[
    ("/", "text/html; charset=utf-8"),
    ("/docs", "text/html; charset=utf-8"),
    ("/playground.js", "text/javascript; charset=utf-8"),
    ("/docs.js", "text/javascript; charset=utf-8"),
    ("/style.css", "text/css; charset=utf-8"),
    ("/page/api.js", "text/javascript; charset=utf-8"),
    ("/page/batches.js", "text/javascript; charset=utf-8"),
    ("/page/chart.js", "text/javascript; charset=utf-8"),
    ("/page/code.js", "text/javascript; charset=utf-8"),
    ("/page/csv.js", "text/javascript; charset=utf-8"),
    ("/page/dom.js", "text/javascript; charset=utf-8"),
    ("/page/earlier.js", "text/javascript; charset=utf-8"),
    ("/page/going.js", "text/javascript; charset=utf-8"),
    ("/page/hear.js", "text/javascript; charset=utf-8"),
    ("/page/item_table.js", "text/javascript; charset=utf-8"),
    ("/page/items.js", "text/javascript; charset=utf-8"),
    ("/page/library.js", "text/javascript; charset=utf-8"),
    ("/page/live.js", "text/javascript; charset=utf-8"),
    ("/page/memory.js", "text/javascript; charset=utf-8"),
    ("/page/paged.js", "text/javascript; charset=utf-8"),
    ("/page/player.js", "text/javascript; charset=utf-8"),
    ("/page/reading.js", "text/javascript; charset=utf-8"),
    ("/page/samples.js", "text/javascript; charset=utf-8"),
    ("/page/service_state.js", "text/javascript; charset=utf-8"),
    ("/page/session.js", "text/javascript; charset=utf-8"),
    ("/page/settings.js", "text/javascript; charset=utf-8"),
    ("/page/speak.js", "text/javascript; charset=utf-8"),
    ("/page/speech.js", "text/javascript; charset=utf-8"),
    ("/page/takes.js", "text/javascript; charset=utf-8"),
    ("/page/token.js", "text/javascript; charset=utf-8"),
    ("/page/typing.js", "text/javascript; charset=utf-8"),
    ("/page/upload.js", "text/javascript; charset=utf-8"),
    ("/page/use.js", "text/javascript; charset=utf-8"),
    ("/page/voices.js", "text/javascript; charset=utf-8"),
    ("/page/wav.js", "text/javascript; charset=utf-8"),
    ("/page/waveform.js", "text/javascript; charset=utf-8"),
    ("/page/words.js", "text/javascript; charset=utf-8"),
    ("/openapi.json", "application/json"),
];

fn get(server: &TestServer, path: &str) -> Answer {
    Answer::of(server.request(Method::GET, path).send().unwrap())
}

#[test]
fn pages_need_no_token_and_no_other_host() {
    for (path, content_type) in FILES {
        let page = get(shared(), path);

        assert_eq!((page.status, page.header("content-type")), (200, *content_type), "{path}");
        let elsewhere = page
            .text()
            .match_indices("//")
            .filter(|(at, _)| page.text()[..*at].ends_with("http:") || page.text()[..*at].ends_with("https:"));
        let elsewhere =
            elsewhere.filter(|(at, _)| !page.text()[*at..].starts_with("//www.w3.org/") && *path != "/openapi.json");
        assert_eq!(elsewhere.count(), 0, "{path}");
    }
}

#[test]
fn pages_are_kept_and_asked_about_each_time() {
    for (path, _) in FILES.iter().filter(|(path, _)| *path != "/openapi.json") {
        let page = get(shared(), path);
        assert_eq!(page.header("cache-control"), "no-cache", "{path}");

        let again = shared().request(Method::GET, path).header("if-none-match", page.header("etag"));
        let again = Answer::of(again.send().unwrap());
        let other = shared().request(Method::GET, path).header("if-none-match", "\"other\"");
        let other = Answer::of(other.send().unwrap());

        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!((again.header("etag"), again.header("cache-control")), (page.header("etag"), "no-cache"), "{path}");
        assert_eq!((other.status, other.text()), (200, page.text()), "{path}");
    }
}

#[test]
fn what_is_no_part_of_a_page_is_404() {
    for path in ["/page/", "/page/nothing.js", "/page/..%2fpage.rs", "/page/playground.html"] {
        get(shared(), path).assert_error(404, "not_found", None);
    }
}

#[test]
fn pages_run_nothing_but_their_own_scripts() {
    for path in ["/", "/docs"] {
        let page = get(shared(), path);

        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert!(!page.text().contains("onclick") && !page.text().contains("style="), "{path}");
        // A style within the page is named by its digest.
        assert_eq!(page.text().contains("<style"), policy.contains("style-src 'self' 'sha256-"), "{path}");
    }
}

#[test]
fn the_description_is_that_of_this_version_and_names_its_routes() {
    let description = get(shared(), "/openapi.json").json();

    assert_eq!(description["info"]["version"], env!("CARGO_PKG_VERSION"));
    for path in [
        "/v1/synthesizeSpeech",
        "/v1/synthesizeSpeech/timestamps",
        "/v1/audio/speech",
        "/synthesizeSpeech",
        "/v1/voices/{id}",
    ] {
        assert!(description["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn the_playground_is_there_beside_pipers_routes() {
    let server = TestServer::start(&[("TTS_PIPER_ROUTES", "true")]);

    let spoken =
        Answer::of(server.request(Method::POST, "/").json(&serde_json::json!({"text": "Hi."})).send().unwrap());

    assert_eq!(get(&server, "/").header("content-type"), "text/html; charset=utf-8");
    assert_eq!(spoken.header("content-type"), "audio/wav");
}
