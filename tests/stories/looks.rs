//! How a company looks to whoever it invites, and where their answers go.

use serde_json::{Value, json};
use stories::{Person, ReplyExt as _, World};

async fn change(by: &Person, body: Value) -> local::Reply {
    by.ask("PATCH", "", body).await
}

/// What the events of changes tell, the newest first.
async fn told(owner: &Person) -> Vec<Value> {
    let events = owner.get("events").await.expect(200).json();
    let events = events["items"].as_array().unwrap().clone().into_iter();
    events.filter(|event| event["type"] == "tenant.updated").map(|event| event["details"].clone()).collect()
}

#[tokio::test]
async fn the_owner_gives_the_company_a_look_and_takes_it_away() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let before = team.owner.get("").await.expect(200);
    let look = json!({"brand_colour": "#FFD400", "logo_url": "https://cdn.acme.example/logo.svg",
        "reply_to": "Team@acme.example"});
    change(&adam, look.clone()).await.refused(403, "forbidden");
    let dressed = change(&team.owner, look.clone()).await.expect(200);
    let of = |reply: &local::Reply, name: &str| reply.json()[name].clone();
    assert_eq!(of(&dressed, "brand_colour"), "#ffd400", "in lower case");
    assert_eq!(of(&dressed, "logo_url"), look["logo_url"]);
    assert_eq!((of(&dressed, "reply_to"), of(&dressed, "name")), (look["reply_to"].clone(), json!("Acme")));
    assert_eq!(adam.get("").await.expect(200).body, dressed.body, "everybody in it sees the same");
    assert_ne!(dressed.headers["etag"], before.headers["etag"]);
    // doing what is done writes nothing, and versions are honoured
    let again = change(&team.owner, look).await.expect(200);
    assert_eq!(again.headers["etag"], dressed.headers["etag"]);
    let stale = [("if-match", before.headers["etag"].as_str())];
    team.owner.ask_with("PATCH", "", json!({"reply_to": null}), &stale).await.refused(412, "conflict");
    // what is left out stays, null takes away, once
    world.pass(1);
    let both = json!({"name": "Acme Botanicals", "brand_colour": "#0a0b0c", "logo_url": null});
    let other = change(&team.owner, both).await.expect(200);
    assert_eq!((of(&other, "logo_url"), of(&other, "reply_to")), (Value::Null, json!("Team@acme.example")));
    world.pass(1);
    let bare = change(&team.owner, json!({"brand_colour": null, "reply_to": null})).await.expect(200);
    assert_eq!((of(&bare, "brand_colour"), of(&bare, "reply_to")), (Value::Null, Value::Null));
    let same = change(&team.owner, json!({"brand_colour": null, "reply_to": null})).await.expect(200);
    assert_eq!(same.headers["etag"], bare.headers["etag"]);
    assert_eq!(
        told(&team.owner).await,
        [
            json!({"brand_colour_before": "#0a0b0c", "reply_to_before": "Team@acme.example"}),
            json!({"name_before": "Acme", "name": "Acme Botanicals", "brand_colour_before": "#ffd400",
                "brand_colour": "#0a0b0c", "logo_url_before": "https://cdn.acme.example/logo.svg"}),
            json!({"brand_colour": "#ffd400", "logo_url": "https://cdn.acme.example/logo.svg",
                "reply_to": "Team@acme.example"}),
        ]
    );
    world.ledger().check();
}

#[tokio::test]
async fn invitations_carry_the_look_and_no_other_mail_does() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let newest = async |email: &str| {
        world.settle().await;
        world.stack().mailbox().to(Some(email)).pop().unwrap()
    };
    let (usual, own) = ("background:#1f6f54;color:#ffffff;", "background:#ffd400;color:#000000;");
    team.owner.invite("early@acme.example", "member").await.expect(201);
    let early = newest("early@acme.example").await;
    assert!(early.html.contains(usual) && early.reply_to.is_none());
    let look = json!({"brand_colour": "#ffd400", "logo_url": "https://cdn.acme.example/logo.svg",
        "reply_to": "Team@MÜLLER.example"});
    change(&team.owner, look).await.expect(200);

    let invited = team.invite("ana@acme.example", "member").await;
    let mail = newest("ana@acme.example").await;
    assert!(mail.html.contains(own) && !mail.html.contains("#1f6f54"));
    // the mailbox shows it as SES was told it, at the domain that mail goes to
    assert_eq!(serde_json::to_value(&mail).unwrap()["reply_to"], "Team@xn--mller-kva.example");
    // nothing is fetched from anywhere by whoever opens it
    assert!(!mail.html.contains("cdn.acme.example") && !mail.html.contains("<img"));
    let link = invited.link().await;
    let shown = link.preview().await.expect(200).json();
    let look =
        json!({"name": "Acme", "brand_colour": "#ffd400", "logo_url": "https://cdn.acme.example/logo.svg"});
    assert_eq!(shown["tenant"], look);

    // nothing of it in a mail about a password, nor in a stranger's sign-up
    let ana = invited.accept().await;
    world.ask("POST", "/v1/password-resets", None, &json!({"email": ana.email})).await.expect(202);
    world.sign_up("Brew", "bea@brew.example").await;
    for email in [ana.email.as_str(), "bea@brew.example"] {
        let mail = newest(email).await;
        assert!(mail.html.contains(usual) && mail.reply_to.is_none(), "{email}");
    }
    let plain = world.link("bea@brew.example").await.preview().await.expect(200).json();
    assert_eq!(plain["tenant"], json!({"name": "Brew", "brand_colour": null, "logo_url": null}));
    // a dead invitation tells nothing of who sent it
    let gone = team.invite("gus@acme.example", "member").await;
    let dead = gone.link().await;
    team.owner.revoke(&gone).await.expect(204);
    for link in [link, dead] {
        let over = link.preview().await.expect(410);
        assert!(!String::from_utf8(over.body).unwrap().contains("ffd400"));
    }
    world.ledger().check();
}

#[tokio::test]
async fn a_look_that_is_none_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let before = team.owner.get("").await.expect(200);
    let long = format!("https://a.example/{}", "x".repeat(500));
    for (body, pointer) in [
        (json!({}), ""),
        (json!({"name": null}), "/name"),
        (json!({"name": null, "brand_colour": "#ffd400"}), "/name"),
        (json!({"name": "<b>"}), "/name"),
        (json!({"brand_colour": "red"}), "/brand_colour"),
        (json!({"brand_colour": "#fff"}), "/brand_colour"),
        (json!({"brand_colour": "#ffd400;}"}), "/brand_colour"),
        (json!({"brand_colour": 5}), "/brand_colour"),
        (json!({"logo_url": "http://cdn.acme.example/logo.svg"}), "/logo_url"),
        (json!({"logo_url": "https://ana:secret@cdn.acme.example/"}), "/logo_url"),
        (json!({"logo_url": "https://"}), "/logo_url"),
        (json!({"logo_url": "https://a.example/\"onload=x"}), "/logo_url"),
        (json!({"logo_url": "https://a.example/ x"}), "/logo_url"),
        (json!({"logo_url": long}), "/logo_url"),
        (json!({"reply_to": "nobody"}), "/reply_to"),
        (json!({"reply_to": "a@b.example\r\nBcc: c@d.example"}), "/reply_to"),
        (json!({"reply_to": null, "email_policy": "shared"}), "/email_policy"),
    ] {
        let refused = change(&team.owner, body.clone()).await.refused(422, "validation");
        assert_eq!(refused.text("/errors/0/pointer"), pointer, "{body}");
    }
    assert_eq!(team.owner.get("").await.expect(200).body, before.body);
    assert_eq!(world.ledger().count("Event", "type", "tenant.updated"), 0);
}
