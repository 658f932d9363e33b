//! Owns the listening server: its limits and its routes.

use std::future::ready;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{ServiceFactoryExt, map_config};
use actix_web::dev::{AppConfig, HttpServiceFactory, Server, fn_service};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL,
    CROSS_ORIGIN_RESOURCE_POLICY,
};
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::{App, HttpResponse, Resource, ResponseError, Route, guard, web};
use tokio::net::TcpStream;

use super::connection::HttpConnection;
use super::cors::{EXPOSED, allow_origins};
use super::error::ApiError;
use super::fronts::FrontError;
use super::fronts::cartesia::{self, Cartesia};
use super::fronts::deepgram::{self, Deepgram};
use super::fronts::elevenlabs::{self, ElevenLabs};
use super::legacy::LegacyError;
use super::observe::observe;
use super::state::AppState;
use super::{
    batches, catalogue, health, legacy, limits, links, live, normalize, openai, openapi, page, phonemize, piper,
    synthesize, timestamps, usage, voice_files, voices,
};
use crate::batch::Batches;
use crate::config::{FrontsConfig, HttpConfig};

/// How long a request's head may take to arrive, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the end of an idle connection may take.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How a batch's answers may be kept: states change, results do not.
const STATE: &str = "private, no-cache";
const RESULT: &str = "private";

/// Starts serving on `listener`. The future runs until the server was stopped; it handles no signals.
pub fn start(
    listener: TcpListener,
    state: AppState,
    batches: Batches,
    config: &HttpConfig,
    fronts: &FrontsConfig,
) -> std::io::Result<Server> {
    let (state, batches) = (web::Data::new(state), web::Data::new(batches));
    let has_fronts = [fronts.cartesia, fronts.deepgram, fronts.elevenlabs];
    let (has_piper_routes, patience) = (config.piper_routes, config.write_timeout);
    let app = move || {
        App::new()
            .app_data(state.clone())
            .app_data(batches.clone())
            .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::not_found().into()))
            .app_data(web::QueryConfig::default().error_handler(|_, _| ApiError::invalid_query().into()))
            .configure(routes)
            .configure(openai_routes)
            .configure(batch_routes)
            .configure(|config| front_routes(config, has_fronts))
            .configure(|config| {
                let playground = (Method::GET, web::to(page::playground));
                if has_piper_routes {
                    piper_routes(config);
                    let piper = (Method::POST, web::to(piper::synthesize));
                    config.service(resource::<ApiError>("/", [playground, piper]));
                } else {
                    config.service(resource::<ApiError>("/", [playground]));
                }
            })
            .default_service(web::to(|| ready(Err::<&str, _>(ApiError::not_found()))))
            .wrap(from_fn(allow_origins))
            .wrap(from_fn(observe))
    };
    let server = Server::build();
    let stopping = server.graceful_shutdown_signal();
    // What actix-web's own server does, on connections that are watched.
    let connections = move || {
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            // Whoever takes nothing of the last answer is let go before, and not with it in the system's keeping.
            .keep_alive(KEEP_ALIVE.max(patience + DISCONNECT_TIMEOUT * 5))
            // A client that is gone must be noticed while it is served; the price is that one which closes its sending
            // side early gets no answer.
            .h1_allow_half_closed(false)
            .on_connect_ext(|connection: &HttpConnection, data| {
                data.insert(connection.handle());
            })
            .h1(map_config(app(), |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let caller = stream.peer_addr().ok();
            ready(Ok::<_, DispatchError>((HttpConnection::new(stream, patience), caller)))
        })
        .and_then(http)
    };
    let server = server
        .workers(config.threads)
        .max_concurrent_connections(config.max_connections.div_ceil(config.threads))
        // For connections without a request: by then the process has ended if one is still under way.
        .shutdown_timeout(config.drain_timeout.as_secs() + 2)
        .disable_signals()
        .listen("http", listener, connections)?
        .run();
    Ok(server)
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .service(resource::<ApiError>("/v1/synthesizeSpeech", [(Method::POST, web::to(synthesize::synthesize))]))
        .service(resource::<ApiError>(
            "/v1/synthesizeSpeech/timestamps",
            [(Method::POST, web::to(timestamps::timestamps))],
        ))
        .service(of_links("/v1/speech", [(Method::GET, web::to(links::speak))]))
        .service(resource::<ApiError>("/v1/speech/links", [(Method::POST, web::to(links::make_link))]))
        .service(resource::<ApiError>("/v1/live", [(Method::GET, web::to(live::live))]))
        .service(resource::<LegacyError>("/synthesizeSpeech", [(Method::POST, web::to(legacy::synthesize))]))
        .service(resource::<ApiError>("/v1/phonemize", [(Method::POST, web::to(phonemize::phonemize))]))
        .service(resource::<ApiError>("/v1/normalize", [(Method::POST, web::to(normalize::normalize))]))
        .service(resource::<ApiError>("/v1/voices", [(Method::GET, web::to(voices::list))]))
        .service(resource::<ApiError>(
            "/v1/voices/{id}",
            [
                (Method::GET, web::to(voices::show)),
                (Method::POST, web::to(catalogue::fetch)),
                (Method::PUT, web::to(voice_files::put)),
                (Method::DELETE, web::to(voice_files::remove)),
            ],
        ))
        .service(resource::<ApiError>(
            "/v1/voices/{id}/load",
            [(Method::POST, web::to(voices::load)), (Method::DELETE, web::to(voices::unload))],
        ))
        .service(resource::<ApiError>("/v1/catalogue", [(Method::GET, web::to(catalogue::catalogue))]))
        .service(resource::<ApiError>("/v1/catalogue/{id}", [(Method::GET, web::to(catalogue::offered))]))
        .service(resource::<ApiError>("/v1/usage", [(Method::GET, web::to(usage::usage))]))
        .service(resource::<ApiError>("/v1/limits", [(Method::GET, web::to(limits::limits))]))
        .service(resource::<ApiError>("/openapi.json", [(Method::GET, web::to(openapi::document))]))
        .service(resource::<ApiError>("/docs", [(Method::GET, web::to(page::reference))]))
        .service(resource::<ApiError>("/docs.js", [(Method::GET, web::to(page::reference_script))]))
        .service(resource::<ApiError>("/playground.js", [(Method::GET, web::to(page::playground_script))]))
        .service(resource::<ApiError>("/style.css", [(Method::GET, web::to(page::style))]))
        .service(resource::<ApiError>("/page/{name}", [(Method::GET, web::to(page::part))]))
        .service(resource::<ApiError>("/health", [(Method::GET, web::to(health::health))]))
        .service(resource::<ApiError>("/livez", [(Method::GET, web::to(health::livez))]))
        .service(resource::<ApiError>("/readyz", [(Method::GET, web::to(health::readyz))]))
        .service(resource::<ApiError>("/metrics", [(Method::GET, web::to(health::metrics))]));
}

fn openai_routes(config: &mut web::ServiceConfig) {
    let routes = [
        ("/v1/audio/speech", Method::POST, web::to(openai::speech)),
        ("/v1/audio/voices", Method::GET, web::to(openai::voices)),
        ("/v1/audio/models", Method::GET, web::to(openai::model_names)),
        ("/v1/models", Method::GET, web::to(openai::models)),
        ("/v1/models/{id}", Method::GET, web::to(openai::model)),
    ];
    for (path, method, route) in routes {
        // Clients make these paths of what their users write, with a slash at the end or without.
        let either = web::resource([path.to_owned(), format!("{path}/")]);
        config.service(with_methods::<ApiError>(either, [(method, route)]));
    }
}

/// Those of the speech APIs of others that are wanted.
fn front_routes(config: &mut web::ServiceConfig, [has_cartesia, has_deepgram, has_elevenlabs]: [bool; 3]) {
    if has_cartesia {
        config
            .service(resource::<FrontError<Cartesia>>("/tts/bytes", [(Method::POST, web::to(cartesia::bytes))]))
            .service(resource::<FrontError<Cartesia>>(
                "/tts/websocket",
                [(Method::GET, web::to(cartesia::socket::socket))],
            ));
    }
    if has_deepgram {
        let speak = [(Method::POST, web::to(deepgram::speak)), (Method::GET, web::to(deepgram::socket))];
        config.service(resource::<FrontError<Deepgram>>("/v1/speak", speak));
    }
    if has_elevenlabs {
        let routes = [
            ("", Method::POST, web::to(elevenlabs::convert)),
            ("/stream", Method::POST, web::to(elevenlabs::stream)),
            ("/with-timestamps", Method::POST, web::to(elevenlabs::with_timestamps)),
            ("/stream/with-timestamps", Method::POST, web::to(elevenlabs::stream_with_timestamps)),
            ("/stream-input", Method::GET, web::to(elevenlabs::socket::stream_input)),
            ("/multi-stream-input", Method::GET, web::to(elevenlabs::socket::multi_stream_input)),
        ];
        for (path, method, route) in routes {
            let path = format!("/v1/text-to-speech/{{voice}}{path}");
            config.service(resource::<FrontError<ElevenLabs>>(&path, [(method, route)]));
        }
    }
}

fn batch_routes(config: &mut web::ServiceConfig) {
    let one = [(Method::GET, web::to(batches::show)), (Method::DELETE, web::to(batches::remove))];
    let all = [(Method::POST, web::to(batches::submit)), (Method::GET, web::to(batches::list))];
    config
        .service(of_batches("/v1/batches", STATE, all))
        .service(of_batches("/v1/batches/{id}", STATE, one))
        .service(of_batches("/v1/batches/{id}/audio", RESULT, [(Method::GET, web::to(batches::joined))]))
        .service(of_batches("/v1/batches/{id}/archive", RESULT, [(Method::GET, web::to(batches::archive))]))
        .service(of_batches("/v1/batches/{id}/events", STATE, [(Method::GET, web::to(batches::events))]))
        .service(of_batches("/v1/batches/{id}/items/{n}/audio", RESULT, [(Method::GET, web::to(batches::audio))]))
        .service(of_batches(
            "/v1/batches/{id}/items/{n}/timestamps",
            RESULT,
            [(Method::GET, web::to(batches::timestamps))],
        ))
        .service(of_batches(
            "/v1/batches/{id}/items/{n}/subtitles",
            RESULT,
            [(Method::GET, web::to(batches::subtitles))],
        ));
}

/// What batches answer is the caller's own.
fn of_batches<const N: usize>(
    path: &str,
    caching: &'static str,
    routes: [(Method, Route); N],
) -> impl HttpServiceFactory + 'static {
    resource::<ApiError>(path, routes).wrap(DefaultHeaders::new().add((CACHE_CONTROL, caching)))
}

/// What a signed address answers is for any page that has it, to embed and to read; what is wrong with it is not kept.
fn of_links<const N: usize>(path: &str, routes: [(Method, Route); N]) -> impl HttpServiceFactory + 'static {
    let headers = DefaultHeaders::new()
        .add((CACHE_CONTROL, "no-store"))
        .add((CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"))
        .add((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .add((ACCESS_CONTROL_ALLOW_HEADERS, "range, if-range, if-none-match"))
        .add((ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED));
    resource::<ApiError>(path, routes).wrap(headers)
}

fn piper_routes(config: &mut web::ServiceConfig) {
    config
        .service(resource::<ApiError>("/synthesize", [(Method::POST, web::to(piper::synthesize))]))
        .service(resource::<ApiError>("/voices", [(Method::GET, web::to(piper::voices))]));
}

fn resource<E>(path: &str, routes: impl IntoIterator<Item = (Method, Route)>) -> Resource
where
    E: From<ApiError> + ResponseError + 'static,
{
    with_methods::<E>(web::resource(path), routes)
}

/// A path with its methods; others are refused in the shape of the route's errors. `OPTIONS` is told which there are.
fn with_methods<E>(mut resource: Resource, routes: impl IntoIterator<Item = (Method, Route)>) -> Resource
where
    E: From<ApiError> + ResponseError + 'static,
{
    let mut methods = Vec::new();
    for (method, route) in routes {
        methods.push(method.to_string());
        if method == Method::GET {
            // The same without the body, which the server leaves out (RFC 9110, section 9.3.2).
            methods.push(Method::HEAD.to_string());
            resource = resource.route(route.guard(guard::Any(guard::Get()).or(guard::Head())));
        } else {
            resource = resource.route(route.method(method));
        }
    }
    methods.push(Method::OPTIONS.to_string());
    let allow: Arc<str> = methods.join(", ").into();
    let other = move |method: Method| {
        ready(if method == Method::OPTIONS {
            Ok(HttpResponse::NoContent().insert_header((ALLOW, &*allow)).finish())
        } else {
            Err(E::from(ApiError::method_not_allowed(allow.clone())))
        })
    };
    resource.default_service(web::to(other))
}
