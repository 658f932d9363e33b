//! Owns `GET /v1/limits`: what a token is good for, and how much the service takes at a time.

use std::num::NonZeroU32;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::AnyCaller;
use super::responses::Failures;
use super::state::AppState;
use crate::config::Limits as OfToken;

/// What may be asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Limits)]
struct LimitsBody {
    token: TokenLimits,
    /// Characters (code points) of a text.
    text_chars: usize,
    /// Of one batch.
    batch_items: usize,
    /// Of what hands a batch in.
    batch_bytes: usize,
    /// Of a voice that is handed in; 0: none may be, nor removed.
    voice_bytes: u64,
}

/// What the token of the request may do, and how much of it.
#[derive(Serialize, ToSchema)]
struct TokenLimits {
    /// Null is the secret of the settings.
    name: Option<String>,
    may_speak: bool,
    /// Whether it may load voices, change them, and see what others have had.
    may_manage: bool,
    /// Null: without bound.
    #[schema(value_type = Option<u32>)]
    requests_per_minute: Option<NonZeroU32>,
    #[schema(value_type = Option<u32>)]
    characters_per_minute: Option<NonZeroU32>,
}

/// What the caller's token is good for, and how much the service takes at a time.
#[utoipa::path(get, path = "/v1/limits", tag = "usage", security(("user-token" = []), ("bearer" = [])),
    responses((status = 200, description = "The limits", body = LimitsBody), Failures))]
pub async fn limits(caller: AnyCaller, state: web::Data<AppState>) -> HttpResponse {
    let known = caller.known();
    let OfToken { requests_per_minute, characters_per_minute } = known.limits();
    let name = Some(known.name()).filter(|name| !name.is_empty()).map(str::to_owned);
    let (may_speak, may_manage) = (known.scopes.speak, known.scopes.manage);
    HttpResponse::Ok().json(LimitsBody {
        token: TokenLimits { name, may_speak, may_manage, requests_per_minute, characters_per_minute },
        text_chars: state.limits.text_chars,
        batch_items: state.limits.batch_items,
        batch_bytes: state.limits.batch_body_bytes,
        voice_bytes: state.limits.upload_bytes,
    })
}
