//! The rules R1 to R8, each over every combination that it speaks of, and the table as a checked-in file.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use policy::{
    BrandId, Brands, Denial, Grant, InvalidBrands, MemberStatus, Permission as P, Permissions, Principal,
    Relation, Role, Target, TenantStatus,
};
use uuid::Uuid;

static NO_BRANDS: Brands = Brands::none();

fn active(role: Role) -> Principal<'static> {
    Principal {
        relation: Relation::Member,
        role,
        overrides: None,
        brands: &NO_BRANDS,
        status: MemberStatus::Active,
        tenant: TenantStatus::Active,
    }
}

fn grant(role: Role, permissions: Option<Permissions>) -> Grant<'static> {
    Grant { role, permissions, brands: &NO_BRANDS }
}

#[test]
fn the_permission_matrix_is_the_checked_in_file() {
    let mut out = String::from(
        "# What each role holds. Rendered by `cargo test -p policy`; UPDATE=1 writes it anew.\n\n",
    );
    write!(out, "{:<18}", "permission").unwrap();
    for role in Role::ALL.iter().copied() {
        write!(out, "{:<11}", role.name()).unwrap();
    }
    out.truncate(out.trim_end().len());
    for p in P::ALL {
        write!(out, "\n{:<18}", p.name()).unwrap();
        for role in Role::ALL.iter().copied() {
            let cell = match (role.permissions().contains(*p), p.is_brand_scoped()) {
                (false, _) => "-",
                (true, false) => "yes",
                (true, true) if role.reaches_every_brand() => "every",
                (true, true) => "assigned",
            };
            write!(out, "{cell:<11}").unwrap();
        }
        out.truncate(out.trim_end().len());
    }
    out.push('\n');
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/permissions.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &out).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == out, "permissions.txt is not what the roles hold; run with UPDATE=1 and review\n{out}");
}

#[test]
fn r1_nobody_gives_or_manages_a_role_above_their_own_and_owner_is_never_granted() {
    for giver in Role::ALL.iter().copied() {
        assert_eq!(active(giver).may_give(&grant(Role::Owner, None)), Err(Denial::OwnerIsTransferred));
        for role in Role::ALL.iter().copied().skip(1).filter(|r| r.is_above(giver)) {
            assert_eq!(active(giver).may_give(&grant(role, None)), Err(Denial::RoleAbove(role)));
            let target = Target { role, is_self: false };
            assert_eq!(active(giver).may_manage(target), Err(Denial::RoleAbove(role)));
        }
    }
    assert_eq!(
        active(Role::Admin).may_give(&grant(Role::Admin, None)),
        Ok(()),
        "an admin makes other admins"
    );
}

#[test]
fn r2_and_r3_nobody_manages_the_owner_or_themselves() {
    for actor in Role::ALL.iter().copied() {
        let owner = Target { role: Role::Owner, is_self: false };
        assert_eq!(active(actor).may_manage(owner), Err(Denial::TargetIsOwner));
        let me = Target { role: actor, is_self: true };
        assert_eq!(active(actor).may_manage(me), Err(Denial::TargetIsYourself));
    }
}

#[test]
fn r4_nobody_gives_what_they_lack_whatever_the_role_and_list() {
    // every giver role × every single override × every granted role × every single granted permission
    for giver_role in Role::ALL.iter().copied() {
        let lists = std::iter::once(None).chain(P::ALL.iter().map(|p| Some(Permissions::of(&[*p]))));
        for overrides in lists {
            let giver = Principal { overrides, brands: &Brands::All, ..active(giver_role) };
            for role in Role::ALL.iter().copied() {
                let given = std::iter::once(None).chain(P::ALL.iter().map(|p| Some(Permissions::of(&[*p]))));
                for permissions in given {
                    let grant = grant(role, permissions);
                    if giver.may_give(&grant).is_ok() {
                        assert_eq!(grant.effective().minus(giver.permissions()), Permissions::NONE);
                        assert_ne!(role, Role::Owner);
                        for p in [P::TenantUpdate, P::TenantTransfer, P::TenantClose] {
                            assert!(!grant.effective().contains(p));
                        }
                        if permissions.is_some_and(|list| list.iter().any(P::is_over_members)) {
                            assert!(matches!(giver_role, Role::Owner | Role::Admin));
                        }
                    }
                }
            }
        }
    }
    assert_eq!(
        active(Role::Owner).may_give(&grant(Role::Admin, Some(Permissions::of(&[P::TenantClose])))),
        Err(Denial::NotGivable(P::TenantClose)),
    );
    let cut = Principal { overrides: Some(Permissions::of(&[P::MembersInvite])), ..active(Role::Member) };
    assert!(matches!(cut.may_give(&grant(Role::Member, None)), Err(Denial::NotHeld(_))));
}

#[test]
fn r5_a_partner_never_holds_what_is_for_insiders_by_role_or_by_list() {
    let everything = Permissions::of(P::ALL);
    let partner = Principal { overrides: Some(everything), brands: &Brands::All, ..active(Role::Partner) };
    for p in P::ALL {
        let insiders = p.is_over_members()
            || matches!(p, P::BillingRead | P::BillingUpdate | P::TenantUpdate | P::PartnersManage)
            || matches!(p, P::AuditRead | P::AccessReview)
            || matches!(p, P::TenantTransfer | P::TenantClose);
        assert_eq!(partner.may(*p, None).is_err(), insiders, "{p}");
    }
    assert_eq!(
        active(Role::Owner).may_give(&grant(Role::Partner, Some(Permissions::of(&[P::BillingRead])))),
        Err(Denial::NotForPartners(P::BillingRead)),
    );
}

#[test]
fn r6_only_owner_and_admin_reach_brands_that_they_are_not_assigned_to() {
    let [mine, other] = [1, 2].map(|n| BrandId(Uuid::from_u128(n)));
    let assigned = Brands::from_iter([mine]);
    for role in Role::ALL.iter().copied() {
        let who = Principal { brands: &assigned, ..active(role) };
        assert_eq!(who.may(P::ProductsRead, Some(mine)), Ok(()));
        let expected = if role.reaches_every_brand() { Ok(()) } else { Err(Denial::BrandNotAssigned) };
        assert_eq!(who.may(P::ProductsRead, Some(other)), expected, "{role}");
        let shown = who.visibility().limit(&Brands::from_iter([mine, other]));
        assert_eq!(shown.contains(other), role.reaches_every_brand());
    }
    let giver =
        Principal { overrides: Some(Permissions::of(P::ALL)), brands: &assigned, ..active(Role::Member) };
    let more = Grant { role: Role::Partner, permissions: None, brands: &Brands::All };
    assert_eq!(giver.may_give(&more), Err(Denial::BrandsNotHeld));
}

#[test]
fn r7_only_an_active_member_of_an_active_tenant_has_any_permission() {
    for role in Role::ALL.iter().copied() {
        for status in [MemberStatus::Active, MemberStatus::Suspended, MemberStatus::Revoked] {
            for tenant in
                [TenantStatus::Pending, TenantStatus::Active, TenantStatus::Suspended, TenantStatus::Closed]
            {
                let who = Principal { status, tenant, ..active(role) };
                let alive = status == MemberStatus::Active && tenant == TenantStatus::Active;
                for p in P::ALL {
                    let expected = alive && role.permissions().contains(*p);
                    assert_eq!(who.may(*p, None).is_ok(), expected, "{role} {status:?} {tenant:?} {p}");
                }
            }
        }
    }
}

#[test]
fn r8_a_portal_manages_its_partners_members_as_an_admin_and_nothing_else() {
    for role in Role::ALL.iter().copied() {
        let portal = Principal { relation: Relation::Portal, ..active(role) };
        for p in P::ALL {
            let expected = role.permissions().contains(P::PartnersManage) && p.is_over_members();
            assert_eq!(portal.may(*p, None).is_ok(), expected, "{role} {p}");
        }
    }
    let portal = Principal { relation: Relation::Portal, ..active(Role::Owner) };
    assert_eq!(portal.may_give(&grant(Role::Admin, None)), Ok(()));
    assert_eq!(portal.may_give(&grant(Role::Owner, None)), Err(Denial::OwnerIsTransferred));
    assert_eq!(portal.may(P::BillingRead, None), Err(Denial::OutsidePortal(P::BillingRead)));
    let nobody = Principal { relation: Relation::Portal, ..active(Role::Member) };
    assert_eq!(nobody.may(P::BillingRead, None), Err(Denial::Missing(P::PartnersManage)));
}

#[test]
fn every_denial_names_a_rule_and_speaks_in_lower_case_without_a_full_stop() {
    for denial in [
        Denial::TenantInactive,
        Denial::MemberInactive,
        Denial::Missing(P::AuditRead),
        Denial::OutsidePortal(P::BillingRead),
        Denial::BrandNotAssigned,
        Denial::RoleAbove(Role::Admin),
        Denial::OwnerIsTransferred,
        Denial::NotHeld(P::AuditRead),
        Denial::NotGivable(P::TenantClose),
        Denial::TakesAnAdmin(P::MembersRead),
        Denial::NotForPartners(P::BillingRead),
        Denial::BrandsNotHeld,
        Denial::TargetIsOwner,
        Denial::TargetIsYourself,
    ] {
        let words = denial.to_string();
        assert!(
            words.len() > 20 && !words.ends_with('.') && !words.starts_with(char::is_uppercase),
            "{words}"
        );
        assert!(!denial.rule().name().is_empty());
    }
}

#[test]
fn a_role_says_what_it_is_for_and_a_name_that_is_none_what_there_is() {
    let mut said: Vec<_> = Role::ALL.iter().map(|role| role.description()).collect();
    assert!(said.iter().all(|said| said.ends_with('.')), "{said:?}");
    said.sort_unstable();
    said.dedup();
    assert_eq!(said.len(), Role::ALL.len());
    let refused = "boss".parse::<Role>().unwrap_err().to_string();
    assert_eq!(refused, "not a role, expected one of: owner, admin, member, sales_rep, partner");
}

#[test]
fn an_id_has_one_spelling() {
    let id = "01a202c6-e1a3-7a38-9802-fdcb99ebdc61";
    let brand = BrandId::parse(id).unwrap();
    assert_eq!((brand.to_string().as_str(), policy::parse_id(id)), (id, Some(brand.0)));
    for other in [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), String::new()] {
        assert_eq!(policy::parse_id(&other), None, "{other}");
        assert_eq!(BrandId::parse(&other), None, "{other}");
    }
}

#[test]
fn a_set_of_brands_names_each_once_and_not_too_many() {
    let brand = |n| BrandId(Uuid::from_u128(n));
    let many = |n| Brands::only((0..n).map(brand));
    for named in [0, 1, 49, 50] {
        assert_eq!(many(named).unwrap().named().count(), usize::try_from(named).unwrap());
    }
    assert_eq!(many(51), Err(InvalidBrands::TooMany));
    assert_eq!(Brands::only([brand(1), brand(2), brand(1)]), Err(InvalidBrands::Twice(brand(1))));
    for (wrong, word) in [(InvalidBrands::TooMany, "50"), (InvalidBrands::Twice(brand(1)), "twice")] {
        assert!(wrong.to_string().contains(word));
    }
}

#[test]
fn brands_are_limited_told_and_read_as_they_were_written() {
    let [a, b, c] = [1, 2, 3].map(|n| BrandId(Uuid::from_u128(n)));
    let some: Brands = [a, b].into_iter().collect();
    let there = [b, c].into();
    assert_eq!(some.among(&there), [b].into_iter().collect());
    assert_eq!(Brands::All.among(&there), Brands::All);
    assert_eq!(some.named().collect::<Vec<_>>(), [a, b]);
    assert_eq!(Brands::All.named().count(), 0);
    assert_eq!(some.to_string(), format!("{a} {b}"));
    assert_eq!(Brands::All.to_string(), "all");
    for brands in [some, Brands::All, Brands::none()] {
        let json = serde_json::to_string(&brands).unwrap();
        assert_eq!(serde_json::from_str::<Brands>(&json).unwrap(), brands);
    }
    assert_eq!(serde_json::to_string(&Brands::All).unwrap(), "\"all\"");
    for wrong in ["\"none\"", "true", "[1]"] {
        assert!(serde_json::from_str::<Brands>(wrong).is_err(), "{wrong}");
    }
    let words = serde_json::from_str::<Brands>("true").unwrap_err().to_string();
    assert!(words.contains("a list of brand ids"), "{words}");
}

#[test]
fn a_set_of_permissions_is_told_and_read_as_it_was_written() {
    let list = Permissions::of(&[P::BrandRead, P::AuditRead]);
    assert_eq!(list.to_string(), "audit.read brand.read");
    assert_eq!(serde_json::from_str::<Permissions>(&serde_json::to_string(&list).unwrap()).unwrap(), list);
    assert_eq!([P::AuditRead, P::BrandRead, P::AuditRead].into_iter().collect::<Permissions>(), list);
    assert_eq!(list.union(list), list);
    assert!(serde_json::from_str::<Permissions>("[\"audit\"]").is_err());
}

#[test]
fn what_somebody_sees_is_all_or_named() {
    let a = BrandId(Uuid::from_u128(1));
    let assigned: Brands = [a].into_iter().collect();
    let member = Principal { brands: &assigned, ..active(Role::Member) }.visibility();
    assert_eq!((member.named().collect::<Vec<_>>(), member.is_complete()), (vec![a], false));
    let admin = active(Role::Admin).visibility();
    assert_eq!((admin.named().count(), admin.is_complete()), (0, true));
}
