use model::{Decision, Held, Member, Timestamp, UserId};
use policy::{MemberStatus, Permission, Visibility};
use serde::Serialize;
use store::{Page, keys};
use web::views::{HeldView, ReviewView};
use web::{Answer, Caller, Outcome, Request, Route, next_cursor, page};

use crate::Reviews;

/// Members that one page looks at: well below what a function's answer may hold (6 MB), however many brands each has.
const PAGE: usize = 500;

policy::closed_set! {
    /// How a review is written down.
    enum Format: "format" {
        /// For programs.
        Json = "json",
        /// For spreadsheets.
        Csv = "csv",
    }
}

/// A member, and what was decided about them.
#[derive(Serialize)]
struct Row<'a> {
    user_id: UserId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    status: MemberStatus,
    decision: &'static str,
    reason: Option<&'a str>,
    by: Option<UserId>,
    at: Option<Timestamp>,
    before: HeldView,
    after: Option<HeldView>,
}

#[derive(Serialize)]
struct Exported<'a> {
    review: ReviewView,
    items: &'a [Row<'a>],
    next_cursor: Option<String>,
}

impl<'a> Row<'a> {
    /// Of who wasn't decided about: with what they hold today.
    fn undecided(m: &'a Member, seen: &Visibility) -> Self {
        Self {
            user_id: m.user_id,
            email: m.email.as_entered(),
            first_name: m.first_name.as_str(),
            last_name: m.last_name.as_str(),
            status: m.status,
            decision: "undecided",
            reason: None,
            by: None,
            at: None,
            before: HeldView::of(&Held::from(m), seen),
            after: None,
        }
    }

    fn decided(m: &'a Member, d: &'a Decision, seen: &Visibility) -> Self {
        Self {
            decision: d.decision.name(),
            reason: Some(d.reason.as_str()),
            by: Some(d.by),
            at: Some(d.at),
            before: HeldView::of(&d.before, seen),
            after: d.after.as_ref().map(|after| HeldView::of(after, seen)),
            ..Self::undecided(m, seen)
        }
    }

    fn csv(&self) -> String {
        let held = |held: Option<&HeldView>| match held {
            Some(held) => [held.role.to_string(), held.permissions.to_string(), held.brands.to_string()],
            None => Default::default(),
        };
        let (user, by) = (self.user_id.to_string(), self.by.map(|by| by.to_string()).unwrap_or_default());
        let at = self.at.map(|at| at.to_string()).unwrap_or_default();
        let (before, after) = (held(Some(&self.before)), held(self.after.as_ref()));
        let cells = [
            user.as_str(),
            self.email,
            self.first_name,
            self.last_name,
            self.status.name(),
            self.decision,
            self.reason.unwrap_or_default(),
            by.as_str(),
            at.as_str(),
        ];
        line(cells.into_iter().chain(before.iter().chain(&after).map(String::as_str)))
    }
}

/// The columns of the CSV, in the order of a row's cells.
const COLUMNS: [&str; 15] = [
    "user_id",
    "email",
    "first_name",
    "last_name",
    "status",
    "decision",
    "reason",
    "by",
    "at",
    "role_before",
    "permissions_before",
    "brands_before",
    "role_after",
    "permissions_after",
    "brands_after",
];

/// A line of CSV, RFC 4180.
fn line<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    cells.map(cell).collect::<Vec<_>>().join(",") + "\r\n"
}

/// A cell in quotes. What a spreadsheet would take for a formula gets an apostrophe before it, also where it takes a
/// semicolon for the end of a cell.
fn cell(text: &str) -> String {
    let guarded = |part: &str| {
        let is_formula = part.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
        format!("{}{}", if is_formula { "'" } else { "" }, part.replace('"', "\"\""))
    };
    format!("\"{}\"", text.split(';').map(guarded).collect::<Vec<_>>().join(";"))
}

impl Reviews {
    /// Everybody who was decided about, and everybody who wasn't and was in the team at the end, or is now: a page at a
    /// time. In CSV the first page has the line of headers, and `Link` leads to the next one.
    pub(crate) async fn export(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let (t, id) = (caller.tenant(), request.review()?);
        let page = Page { limit: PAGE, ..page(request, id.0, "export")? };
        let format = request.query_as("format", str::parse)?.unwrap_or(Format::Json);
        let cx = caller.read(&self.store, keys::review(t, id)).await?;
        cx.may(Permission::AccessReview)?;
        let review = cx.wanted()?;
        let listed = self.store.members(t, page, |_| true).await?;
        let decisions = listed.items.iter().map(|member| keys::decision(id, member.user_id));
        let decisions = self.store.load(decisions.collect::<Vec<_>>()).await?;
        let (seen, end) = (cx.visibility(), review.closed_at.unwrap_or(cx.now()));
        let rows: Vec<Row<'_>> = listed
            .items
            .iter()
            .zip(&decisions)
            .filter_map(|(member, decision)| match decision {
                Some(decision) => Some(Row::decided(member, decision, &seen)),
                None => member.was_in(end).then(|| Row::undecided(member, &seen)),
            })
            .collect();
        let next_cursor = next_cursor(listed.next, id.0, "export");
        match format {
            Format::Json => {
                Ok(Answer::ok(&Exported { review: ReviewView::from(review), items: &rows, next_cursor }))
            }
            Format::Csv => {
                let mut text = if page.after.is_none() { line(COLUMNS.into_iter()) } else { String::new() };
                text.extend(rows.iter().map(Row::csv));
                let path = Route::ExportReview.location(&[&t, &id]);
                let next = next_cursor.map(|cursor| format!("{path}?format=csv&cursor={cursor}"));
                Ok(Answer::page("text/csv", &text).followed_by(next))
            }
        }
    }
}
