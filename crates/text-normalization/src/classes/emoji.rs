//! Emoji: espeak-ng has their names. One that is written several times is said once.

use super::Match;
use crate::language::Language;
use crate::token::{Cursor, TokenKind};

pub fn find(cursor: Cursor<'_, '_>, _: &Language) -> Option<Match> {
    if cursor.kind() != Some(TokenKind::Emoji) {
        return None;
    }
    let emoji = cursor.text();
    let mut end = cursor.next();
    while end.text() == emoji {
        end = end.next();
    }
    let plain: String = emoji.chars().filter(|c| *c != '\u{fe0f}').collect();
    (end.at > cursor.at + 1 || plain != emoji).then(|| Match::whole(cursor, end, plain))
}
