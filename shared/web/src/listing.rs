use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Digest;
use store::Page;
use uuid::Uuid;

use crate::{BadRequest, Request};

const LIMIT: usize = 50;
const MOST: usize = 100;

/// The page that a request asks for, by `limit` and `cursor`. `owner` is the tenant or user whose list it is.
///
/// # Errors
/// [`BadRequest::Validation`] for a limit outside 1 to 100, [`BadRequest::Malformed`] for a cursor that wasn't given out for
/// this list.
pub fn page(request: &Request, owner: Uuid, list: &str) -> Result<Page, BadRequest> {
    Ok(page_among(request, owner, &[list])?.1)
}

/// The same of a list that has parts, one after the other, and in which of them the page begins: the first without a
/// cursor.
///
/// # Errors
/// As [`page`], for a cursor of none of them.
pub fn page_among<'l>(
    request: &Request,
    owner: Uuid,
    parts: &[&'l str],
) -> Result<(&'l str, Page), BadRequest> {
    let limit = match request.query("limit")? {
        None => LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=MOST).contains(n) && text.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| BadRequest::invalid("?limit", format!("must be a number from 1 to {MOST}")))?,
    };
    let wrong = || BadRequest::Malformed("the cursor is not one of this list, omit it to begin".to_owned());
    let (part, after) = match request.query("cursor")? {
        None => (parts.first().copied(), None),
        Some(text) if text.len() <= 64 => {
            let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
            let (id, check) = bytes.split_at_checked(16).ok_or_else(wrong)?;
            let id: [u8; 16] = id.try_into().map_err(|_| wrong())?;
            let part = parts.iter().copied().find(|part| check == seal(owner, part, id));
            (part, Some(Uuid::from_bytes(id)))
        }
        Some(_) => return Err(wrong()),
    };
    Ok((part.ok_or_else(wrong)?, Page { after, limit }))
}

/// The cursor to the next page.
#[must_use]
pub fn next_cursor(next: Option<Uuid>, owner: Uuid, list: &str) -> Option<String> {
    let id = next?.into_bytes();
    Some(URL_SAFE_NO_PAD.encode([id.as_slice(), &seal(owner, list, id)].concat()))
}

/// Ties a cursor to its list. Not a secret: a cursor opens nothing, this only tells a slip from a cursor.
fn seal(owner: Uuid, list: &str, id: [u8; 16]) -> Vec<u8> {
    let digest = Digest::of(&[owner.as_bytes().as_slice(), list.as_bytes(), &id].concat());
    digest.as_str().as_bytes().iter().take(8).copied().collect()
}
