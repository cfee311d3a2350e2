//! Reviews of who holds what: one of a team at a time, each a record of what was decided about whom, and why.
//!
//! * `POST /v1/tenants/{tenant}/access-reviews`: begins one; `GET`: lists them
//! * `GET …/access-reviews/{review}`: the review and a page of its decisions
//! * `PUT …/access-reviews/{review}/members/{user}`: decides about a member, `{"decision", "reason"}`, with `role`,
//!   `permissions` and `brands` where it is `reduced`
//! * `POST …/access-reviews/{review}/close`: ends it
//! * `GET …/access-reviews/{review}/export`: all decisions and who wasn't decided about, as JSON or CSV
//!
//! All of it takes `access.review`; what a decision takes away is taken under the rules of taking it away elsewhere, in the
//! transaction that records the decision.

mod decide;
mod export;

use model::{EventKind, Mail, OpenReview, Refusal, Review, Subject};
use policy::Permission;
use runtime::{Environment, SettingError};
use serde::Serialize;
use store::{Store, keys};
use web::views::{DecisionView, List, ReviewView};
use web::{Answer, Caller, Context, Function, Outcome, Request, Route, next_cursor, page};

use crate::decide::Asked;

/// The function.
pub struct Reviews {
    store: Store,
}

/// A review, and a page of what was decided in it.
#[derive(Serialize)]
struct Read<'a> {
    #[serde(flatten)]
    review: ReviewView,
    decisions: Vec<DecisionView<'a>>,
    next_cursor: Option<String>,
}

impl Function for Reviews {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        let (store, t) = (&self.store, caller.tenant());
        match request.route()? {
            Route::OpenReview => {
                request.no_body()?;
                caller.change(store, keys::open_review(t), |cx| self.open(cx)).await
            }
            Route::ListReviews => self.list(&caller, request).await,
            Route::ReadReview => self.read(&caller, request).await,
            Route::ExportReview => self.export(&caller, request).await,
            Route::DecideReview => {
                let (review, user) = (request.review()?, request.user()?);
                let asked = Asked::parse(request)?;
                let brands: Vec<_> = asked.brands().map(|brand| keys::brand(t, brand)).collect();
                let wants =
                    (keys::review(t, review), keys::decision(review, user), keys::member(t, user), brands);
                caller.change(store, wants, |cx| self.decide(cx, &asked)).await
            }
            Route::CloseReview => {
                let wants = keys::review(t, request.review()?);
                request.no_body()?;
                caller.change(store, wants, |cx| self.close(cx)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

/// A review, as the answer.
fn answer(review: &Review) -> Answer {
    Answer::ok(&ReviewView::from(review)).versioned(review.version)
}

impl Reviews {
    /// Begins a review, unless one goes on.
    async fn open(&self, cx: Context<'_, Option<OpenReview>>) -> Outcome {
        cx.may(Permission::AccessReview)?;
        let t = cx.tenant.id;
        if let Some(open) = &cx.found {
            return Err(Refusal::ReviewOpen(t, open.review_id).into());
        }
        let review = Review::opened(t, cx.member.user_id, cx.invocation());
        let answer = answer(&review).created(Route::ReadReview.location(&[&t, &review.id]));
        let change = cx.change(EventKind::AccessReviewOpened, Subject::Review(review.id), &answer);
        // its owner is told, unless it is they who begin it
        let owner = cx.tenant.owner.filter(|owner| *owner != cx.member.user_id);
        let owner = self.store.load(owner.map(|owner| keys::member(t, owner))).await?;
        let told = owner.map(|owner| Mail::review_opened(&owner, cx.invocation()));
        self.store.open_review(&review, told.as_slice(), change).await?;
        Ok(answer)
    }

    async fn list(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "access-reviews")?;
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::AccessReview)?;
        let listed = self.store.reviews(t, page).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(ReviewView::from).collect(),
            next_cursor: next_cursor(listed.next, t.0, "access-reviews"),
        }))
    }

    async fn read(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let id = request.review()?;
        let page = page(request, id.0, "decisions")?;
        let cx = caller.read(&self.store, keys::review(caller.tenant(), id)).await?;
        cx.may(Permission::AccessReview)?;
        let review = cx.wanted()?;
        let listed = self.store.decisions(id, page).await?;
        let seen = cx.visibility();
        let read = Read {
            review: ReviewView::from(review),
            decisions: listed.items.iter().map(|decision| DecisionView::of(decision, &seen)).collect(),
            next_cursor: next_cursor(listed.next, id.0, "decisions"),
        };
        Ok(Answer::ok(&read).versioned(review.version))
    }

    /// Ends a review; doing it to one that is over is done already. Who wasn't decided about stays as they are, and is
    /// counted.
    async fn close(&self, cx: Context<'_, Option<Review>>) -> Outcome {
        cx.may(Permission::AccessReview)?;
        let before = cx.wanted()?;
        if !before.is_open() {
            return Ok(answer(before));
        }
        let undecided = self.store.undecided(cx.tenant.id, before.id, cx.now()).await?;
        let after = before.closed(cx.member.user_id, undecided, cx.invocation());
        let answer = answer(&after);
        let change = cx
            .change(EventKind::AccessReviewClosed, Subject::Review(after.id), &answer)
            .with("kept", after.kept)
            .with("reduced", after.reduced)
            .with("revoked", after.revoked)
            .with_some("undecided", undecided);
        self.store.close_review(before, &after, change).await?;
        Ok(answer)
    }
}
