//! Owns the listening server: its limits and its routes.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, Resource, ResponseError, Route, web};

use super::error::ApiError;
use super::legacy::LegacyError;
use super::observe::observe;
use super::state::AppState;
use super::{health, legacy, synthesize, voices};
use crate::config::HttpConfig;

/// How long a request's head may take to arrive, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Starts serving on `listener`. The future runs until the server was stopped; it handles no signals.
pub fn start(listener: TcpListener, state: AppState, config: &HttpConfig) -> std::io::Result<Server> {
    let state = web::Data::new(state);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .configure(routes)
            .default_service(web::to(|| std::future::ready(Err::<&str, _>(ApiError::not_found()))))
            .wrap(from_fn(observe))
    })
    .workers(config.threads)
    .max_connections(config.max_connections.div_ceil(config.threads))
    .client_request_timeout(HEAD_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    // A client that is gone must be noticed while it is served; the price is that one which closes its sending side early gets no answer.
    .h1_allow_half_closed(false)
    // Whole seconds; a shorter time is not none.
    .shutdown_timeout(config.drain_timeout.as_secs_f64().ceil() as u64)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource("/v1/synthesizeSpeech", web::post().to(synthesize::synthesize)))
        .service(
            resource("/synthesizeSpeech", web::post().to(legacy::synthesize))
                .default_service(wrong_method::<LegacyError>()),
        )
        .service(resource("/v1/voices", web::get().to(voices::list)))
        .service(resource("/v1/voices/{id}", web::get().to(voices::show)))
        .service(resource("/v1/voices/{id}/load", web::post().to(voices::load)).route(web::delete().to(voices::unload)))
        .service(resource("/health", web::get().to(health::health)))
        .service(resource("/livez", web::get().to(health::livez)))
        .service(resource("/readyz", web::get().to(health::readyz)))
        .service(resource("/metrics", web::get().to(health::metrics)));
}

/// A path with a method; those that it is not given are refused.
fn resource(path: &str, route: Route) -> Resource {
    web::resource(path).route(route).default_service(wrong_method::<ApiError>())
}

/// The refusal in the shape of a route's errors.
fn wrong_method<E: From<ApiError> + ResponseError + 'static>() -> Route {
    web::to(|| std::future::ready(Err::<&str, _>(E::from(ApiError::method_not_allowed()))))
}
