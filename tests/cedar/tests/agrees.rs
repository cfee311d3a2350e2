//! The code's decisions against the rules in Cedar (`rules.cedar`), over every combination of relation, role, list, status,
//! brands and action: the same answer, and where it is *no*, the rule that the code names is one that stands against it.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use policy::{
    BrandId, Brands, Denial, Grant, MemberStatus, Permission, Permissions, Principal, Relation, Role, Rule,
    Target, TenantStatus,
};
use uuid::Uuid;

const RULES: &str = include_str!("rules.cedar");

fn uid(kind: &str, id: &str) -> EntityUid {
    format!("{kind}::\"{id}\"").parse().unwrap()
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn set<'n>(names: impl IntoIterator<Item = &'n str>) -> RestrictedExpression {
    RestrictedExpression::new_set(names.into_iter().map(text))
}

fn names(list: Permissions) -> RestrictedExpression {
    set(list.iter().map(Permission::name))
}

/// The two brands of the world: `mine` may be assigned, `other` mostly isn't.
fn brands() -> [BrandId; 2] {
    [1, 2].map(|n| BrandId(Uuid::from_u128(n)))
}

fn brand_uid(brand: BrandId) -> EntityUid {
    uid("Brand", &brand.to_string())
}

fn brand_set(brands: &Brands) -> RestrictedExpression {
    RestrictedExpression::new_set(brands.named().map(|b| RestrictedExpression::new_entity_uid(brand_uid(b))))
}

/// The sets of brands that somebody has, or gives.
fn brand_sets() -> [Brands; 4] {
    let [mine, other] = brands();
    [Brands::All, Brands::none(), [mine].into_iter().collect(), [mine, other].into_iter().collect()]
}

/// The lists that a member may carry: none, nothing, everything, what each role holds, each permission alone, and each but
/// one that the rules speak of.
fn lists() -> Vec<Option<Permissions>> {
    let all = Permissions::of(Permission::ALL);
    let roles = Role::ALL.iter().map(|role| role.permissions());
    let alone = Permission::ALL.iter().map(|p| Permissions::of(&[*p]));
    let without = [Permission::PartnersManage, Permission::TenantClose, Permission::MembersPermit];
    let without = without.into_iter().map(|p| all.minus(Permissions::of(&[p])));
    let named: HashSet<Permissions> =
        [Permissions::NONE, all].into_iter().chain(roles).chain(alone).chain(without).collect();
    std::iter::once(None).chain(named.into_iter().map(Some)).collect()
}

fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Member => "member",
        Relation::Portal => "portal",
    }
}

/// Through a portal, one stands where an admin does.
fn rank(relation: Relation, role: Role) -> i64 {
    match relation {
        Relation::Member => role as i64,
        Relation::Portal => Role::Admin as i64,
    }
}

/// The person who asks, as Cedar knows them.
fn person(who: &Principal<'_>) -> Entity {
    let mut attributes = HashMap::from([
        ("relation".to_owned(), text(relation(who.relation))),
        ("role".to_owned(), text(who.role.name())),
        ("rank".to_owned(), RestrictedExpression::new_long(rank(who.relation, who.role))),
        ("status".to_owned(), text(who.status.name())),
        ("tenant".to_owned(), text(who.tenant.name())),
        ("every_brand".to_owned(), RestrictedExpression::new_bool(*who.brands == Brands::All)),
        ("brands".to_owned(), brand_set(who.brands)),
    ]);
    // the owner's list is ignored: nothing takes from the owner (R2)
    let list = who.overrides.filter(|_| who.role != Role::Owner);
    let parents = match list {
        Some(list) => {
            attributes.insert("list".to_owned(), names(list));
            HashSet::new()
        }
        None => HashSet::from([uid("Role", who.role.name())]),
    };
    Entity::new(uid("Person", "who"), attributes, parents).unwrap()
}

/// Why Cedar says no.
#[derive(Debug)]
struct No<'a> {
    /// The rules that stand against it.
    against: Vec<&'a str>,
    /// Whether it would be allowed without them.
    spoken_for: bool,
}

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    /// What speaks for something, without the rules that stand against it.
    permits: PolicySet,
    /// Each role is all that the one below it is.
    roles: Vec<Entity>,
    who: EntityUid,
    tenant: EntityUid,
    actions: Vec<(Permission, EntityUid, Context)>,
}

impl Cedar {
    fn new() -> Self {
        let below = |at: usize| Role::ALL.get(at + 1).map(|role| uid("Role", role.name()));
        let role = |(at, role): (usize, &Role)| {
            Entity::new(uid("Role", role.name()), HashMap::new(), below(at).into_iter().collect()).unwrap()
        };
        let action = |permission: &Permission| {
            let context = [("permission".to_owned(), text(permission.name()))];
            (*permission, uid("Action", permission.name()), Context::from_pairs(context).unwrap())
        };
        let policies: PolicySet = RULES.parse().unwrap();
        let permits = policies.policies().filter(|policy| policy.effect() == Effect::Permit).cloned();
        Self {
            authorizer: Authorizer::new(),
            permits: PolicySet::from_policies(permits).unwrap(),
            policies,
            roles: Role::ALL.iter().enumerate().map(role).collect(),
            who: uid("Person", "who"),
            tenant: uid("Tenant", "here"),
            actions: Permission::ALL.iter().map(action).collect(),
        }
    }

    fn world(&self, who: &Principal<'_>) -> Entities {
        let all = self.roles.iter().cloned().chain([person(who)]);
        Entities::from_entities(all, None).unwrap()
    }

    /// Whether it is allowed; the rules that stand against it, and whether anything speaks for it.
    fn ask(
        &self,
        world: &Entities,
        action: &EntityUid,
        on: &EntityUid,
        context: Context,
    ) -> Result<(), No<'_>> {
        let request = Request::new(self.who.clone(), action.clone(), on.clone(), context, None).unwrap();
        let response = self.authorizer.is_authorized(&request, &self.policies, world);
        assert_eq!(response.diagnostics().errors().count(), 0, "{response:?}");
        match response.decision() {
            Decision::Allow => Ok(()),
            Decision::Deny => {
                let against = response.diagnostics().reason();
                let against = against.map(|id| self.policies.annotation(id, "rule").unwrap()).collect();
                let spoken_for = self.authorizer.is_authorized(&request, &self.permits, world).decision();
                Err(No { against, spoken_for: spoken_for == Decision::Allow })
            }
        }
    }

    /// What an active member of this role and list holds.
    fn held(&self, role: Role, overrides: Option<Permissions>) -> Permissions {
        let (relation, brands) = (Relation::Member, Brands::All);
        let (status, tenant) = (MemberStatus::Active, TenantStatus::Active);
        let world = self.world(&Principal { relation, role, overrides, brands: &brands, status, tenant });
        let holds = |action, context: &Context| self.ask(&world, action, &self.tenant, context.clone());
        let held = self.actions.iter().filter(|(_, action, context)| holds(action, context).is_ok());
        held.map(|(permission, _, _)| *permission).collect()
    }
}

/// The same answer; and where it is *no*, the rule that the code names is among those that stand against it, or nothing
/// speaks for it.
fn agree(code: Result<(), Denial>, cedar: Result<(), No<'_>>, about: impl Fn() -> String) {
    match (code, cedar) {
        (Ok(()), Ok(())) => {}
        (Err(denial), Err(No { against, spoken_for })) => {
            let named = denial.rule();
            let nothing_for_it = matches!(named, Rule::Table | Rule::R8) && !spoken_for;
            assert!(
                against.contains(&named.name()) || nothing_for_it && !against.contains(&"R7"),
                "{}: the code names {}, Cedar {against:?}",
                about(),
                named.name()
            );
        }
        (code, cedar) => panic!("{}: {code:?}, Cedar says {cedar:?}", about()),
    }
}

/// People of every relation, role, list, status and set of brands.
fn people<'b>(sets: &'b [Brands], statuses: &[MemberStatus], tenants: &[TenantStatus]) -> Vec<Principal<'b>> {
    let mut people = Vec::new();
    for relation in [Relation::Member, Relation::Portal] {
        for role in Role::ALL.iter().copied() {
            for overrides in lists() {
                for status in statuses.iter().copied() {
                    for tenant in tenants.iter().copied() {
                        let of = |brands| Principal { relation, role, overrides, brands, status, tenant };
                        people.extend(sets.iter().map(of));
                    }
                }
            }
        }
    }
    people
}

/// Asks about each, by halves at the same time, and says how often.
fn each<'b>(what: &str, people: &[Principal<'b>], ask: impl Fn(&Principal<'b>) -> usize + Sync) {
    let asked = |people: &[Principal<'b>]| people.iter().map(&ask).sum::<usize>();
    let (one, other) = people.split_at(people.len() / 2);
    let questions = std::thread::scope(|scope| {
        let one = scope.spawn(|| asked(one));
        asked(other) + one.join().unwrap()
    });
    println!("proof: cedar, {what}: {questions} questions about {} people", people.len());
    assert!(questions > 0);
}

#[test]
fn using_a_permission() {
    let cedar = Cedar::new();
    let [mine, other] = brands();
    let resources =
        [None, Some(mine), Some(other)].map(|b| (b, b.map_or_else(|| cedar.tenant.clone(), brand_uid)));
    let sets = brand_sets();
    let people = people(&sets[..3], MemberStatus::ALL, TenantStatus::ALL);
    each("using a permission", &people, |who| {
        let world = cedar.world(who);
        for (permission, action, context) in &cedar.actions {
            for (brand, on) in &resources {
                let said = cedar.ask(&world, action, on, context.clone());
                agree(who.may(*permission, *brand), said, || format!("{who:?} {permission} {brand:?}"));
            }
        }
        cedar.actions.len() * resources.len()
    });
}

#[test]
fn giving_a_role_a_list_and_brands_away() {
    let cedar = Cedar::new();
    let (give, sets) = (uid("Action", "give"), brand_sets());
    let roles = || Role::ALL.iter().copied();
    let of = |role| lists().into_iter().map(move |list| (role, list));
    let held: HashMap<_, _> =
        roles().flat_map(of).map(|(role, list)| ((role, list), cedar.held(role, list))).collect();
    let grants: Vec<Grant<'_>> = held
        .keys()
        .flat_map(|(role, list)| sets.iter().map(|brands| Grant { role: *role, permissions: *list, brands }))
        .collect();
    let people = people(&sets, &[MemberStatus::Active], &[TenantStatus::Active]);
    each("giving", &people, |who| {
        let world = cedar.world(who);
        let holds = match who.relation {
            Relation::Member => held[&(who.role, who.overrides)],
            Relation::Portal => held[&(Role::Admin, None)],
        };
        for grant in &grants {
            let context = given(grant, holds, held[&(grant.role, grant.permissions)]);
            let said = cedar.ask(&world, &give, &cedar.tenant, context);
            agree(who.may_give(grant), said, || format!("{who:?} gives {grant:?}"));
        }
        grants.len()
    });
}

/// What is given, by whoever holds so much, to somebody who then holds so much.
fn given(grant: &Grant<'_>, held: Permissions, brought: Permissions) -> Context {
    let mut context = vec![
        ("role".to_owned(), text(grant.role.name())),
        ("rank".to_owned(), RestrictedExpression::new_long(grant.role as i64)),
        ("held".to_owned(), names(held)),
        ("brought".to_owned(), names(brought)),
        ("every_brand".to_owned(), RestrictedExpression::new_bool(*grant.brands == Brands::All)),
        ("brands".to_owned(), brand_set(grant.brands)),
    ];
    context.extend(grant.permissions.map(|list| ("list".to_owned(), names(list))));
    Context::from_pairs(context).unwrap()
}

#[test]
fn managing_a_member() {
    let cedar = Cedar::new();
    let (manage, here) = (uid("Action", "manage"), cedar.tenant.clone());
    let (brands, status, tenant) = (Brands::none(), MemberStatus::Active, TenantStatus::Active);
    for relation in [Relation::Member, Relation::Portal] {
        for role in Role::ALL.iter().copied() {
            let who = Principal { relation, role, overrides: None, brands: &brands, status, tenant };
            let world = cedar.world(&who);
            for theirs in Role::ALL.iter().copied() {
                for is_self in [false, true] {
                    let target = Target { role: theirs, is_self };
                    let context = Context::from_pairs([
                        ("role".to_owned(), text(theirs.name())),
                        ("rank".to_owned(), RestrictedExpression::new_long(theirs as i64)),
                        ("is_self".to_owned(), RestrictedExpression::new_bool(is_self)),
                    ]);
                    let said = cedar.ask(&world, &manage, &here, context.unwrap());
                    agree(who.may_manage(target), said, || format!("{who:?} manages {target:?}"));
                }
            }
        }
    }
}

/// The rules in Cedar and the code speak of the same permissions.
#[test]
fn every_permission_is_in_the_rules() {
    let known: BTreeSet<&str> = Permission::ALL.iter().map(|p| p.name()).chain(["give", "manage"]).collect();
    let named: BTreeSet<&str> =
        RULES.split("Action::\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(named, known);
}
