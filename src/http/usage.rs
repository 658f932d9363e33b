//! Owns `GET /v1/usage`.

use actix_web::{HttpResponse, web};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::AnyCaller;
use super::error::ApiError;
use super::responses::Failures;
use super::state::AppState;
use crate::domain::InvalidField;
use crate::usage::{Counts, DailyUsage};

/// What tokens have had, day by day.
#[derive(Serialize, ToSchema)]
struct UsageList {
    #[schema(value_type = String, format = Date)]
    from: NaiveDate,
    #[schema(value_type = String, format = Date)]
    to: NaiveDate,
    /// Whether it is counted in Redis, of all replicas and for as long as it is kept, or in this process alone.
    is_shared: bool,
    data: Vec<UsageOfDay>,
}

#[derive(Serialize, ToSchema)]
struct UsageOfDay {
    /// In UTC.
    #[schema(value_type = String, format = Date)]
    day: NaiveDate,
    /// Its name; null is the secret of the settings.
    token: Option<String>,
    #[serde(flatten)]
    all: UsageAmounts,
    /// Of those, what came from the cache alone.
    cached: UsageAmounts,
    /// Requests of any route that were answered with an error.
    refused: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Amounts)]
struct UsageAmounts {
    /// Texts that were answered with sound, items of batches among them.
    requests: u64,
    /// Of what was said.
    characters: u64,
    /// Of sound that was sent, or kept for a batch.
    audio_seconds: f64,
}

/// Which days; all that are kept by default.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first day, as 2026-11-27.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// The last day.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<String>,
}

/// What the caller's token has had; with the scope `manage`, what all have had.
#[utoipa::path(get, path = "/v1/usage", tag = "usage", security(("user-token" = []), ("bearer" = [])),
    params(Period), responses((status = 200, description = "By day and token", body = UsageList), Failures))]
pub async fn usage(
    caller: AnyCaller,
    state: web::Data<AppState>,
    period: web::Query<Period>,
) -> Result<HttpResponse, ApiError> {
    let kept = state.usage.kept();
    let from = day("from", period.from.as_deref())?.unwrap_or(*kept.start());
    let to = day("to", period.to.as_deref())?.unwrap_or(*kept.end());
    if from > to {
        return Err(InvalidField { field: "to", expected: "no day before `from`" }.into());
    }
    let rows = state.usage.of(caller.counted(), from..=to).await?;
    let data = rows.into_iter().map(UsageOfDay::from).collect();
    Ok(HttpResponse::Ok().json(UsageList { from, to, is_shared: state.usage.is_shared(), data }))
}

fn day(field: &'static str, written: Option<&str>) -> Result<Option<NaiveDate>, InvalidField> {
    let expected = "a day such as 2026-11-27";
    written.map(|written| written.parse().map_err(|_| InvalidField { field, expected })).transpose()
}

impl From<DailyUsage> for UsageOfDay {
    fn from(DailyUsage { day, token, counts }: DailyUsage) -> Self {
        let Counts {
            requests,
            characters,
            milliseconds,
            cached_requests,
            cached_characters,
            cached_milliseconds,
            refused,
        } = counts;
        let amounts = |requests, characters, milliseconds| UsageAmounts {
            requests,
            characters,
            audio_seconds: milliseconds as f64 / 1e3,
        };
        Self {
            day,
            token: Some(token).filter(|token| !token.is_empty()),
            all: amounts(requests, characters, milliseconds),
            cached: amounts(cached_requests, cached_characters, cached_milliseconds),
            refused,
        }
    }
}
