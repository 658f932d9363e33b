//! Owns the pages for people: the playground at `/`, the reference at `/docs`. Plain files within the program, which ask no other host for anything.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

/// Nothing but what this service itself serves is run, shown or asked.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page to try the service in.
#[utoipa::path(get, path = "/", tag = "service", security(()),
    responses((status = 200, description = "The playground", body = String, content_type = "text/html")))]
pub async fn playground() -> HttpResponse {
    file("text/html; charset=utf-8", include_str!("page/playground.html"))
}

/// This description for people to read.
#[utoipa::path(get, path = "/docs", tag = "service", security(()),
    responses((status = 200, description = "The reference", body = String, content_type = "text/html")))]
pub async fn reference() -> HttpResponse {
    file("text/html; charset=utf-8", include_str!("page/docs.html"))
}

pub async fn playground_script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("page/playground.js"))
}

pub async fn reference_script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("page/docs.js"))
}

pub async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("page/style.css"))
}

fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(text)
}
