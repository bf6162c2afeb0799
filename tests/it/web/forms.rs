//! Forms: taken from the visitor's own pages alone, sent twice done once, and from a site to a trade.

use super::visitor::Visitor;
use crate::api::world::{Market, PRODUCT, World};

const SITE: &[(&str, &str)] = &[("name", "Hall 1"), ("region", "us-central1"), ("country", "US"), ("once", "site-1")];

#[actix_web::test]
async fn forged_forms_are_not_taken() {
    let market = Market::open().await;
    let visitor = Visitor::logged_in(&market.world, "provider").await;
    let token = visitor.token("/provider/sites/new").await;
    let other = Visitor::logged_in(&market.world, "renter").await.token("/renter").await;
    let (ours, foreign) = ("http://localhost:8080", "https://evil.example");
    let attempts: &[(&str, &[(&'static str, &str)])] = &[
        ("", &[("origin", ours)]),
        (&other, &[("origin", ours)]),
        (&token, &[("origin", foreign)]),
        (&token, &[("origin", "null")]),
        (&token, &[("origin", "http://localhost:8081")]),
        (&token, &[("origin", ours), ("sec-fetch-site", "cross-site")]),
        (&token, &[("sec-fetch-site", "same-site")]),
    ];
    for (token, headers) in attempts {
        let mut fields = SITE.to_vec();
        fields.push(("token", token));
        let answer = visitor.post("/provider/sites/new", &fields, headers).await;
        assert_eq!(answer.status, 403, "{token} {headers:?}");
        assert!(answer.text.contains("forged_form"), "{}", answer.text);
    }
    let sites = market.world.get(&market.provider, "/v1/sites").await.expect(200);
    assert_eq!(sites["data"].as_array().unwrap().len(), 1, "only the one that was there");
    let mut fields = SITE.to_vec();
    fields.push(("token", &token));
    let answer = visitor.post("/provider/sites/new", &fields, &[("origin", ours)]).await;
    assert_eq!(answer.status, 303, "the same with its token is: {}", answer.text);
}

#[actix_web::test]
async fn a_login_cannot_be_forged_either() {
    let world = World::new();
    world.member("renter", "renter").await;
    let visitor = Visitor::new(&world);
    let fields = [("email", "renter@example.com"), ("password", crate::api::world::PASSWORD)];
    let answer = visitor.post("/login", &fields, &[]).await;
    assert_eq!(answer.status, 403);
    assert!(visitor.cookie("gpubourse_access").is_none());
}

#[actix_web::test]
async fn from_a_site_to_a_trade() {
    let market = Market::open().await;
    let world = &market.world;
    let provider = Visitor::new(world);
    let password = crate::api::world::PASSWORD;
    let registration =
        [("organization", "Hall Co"), ("kind", "provider"), ("email", "hall@example.com"), ("password", password)];
    let answer = provider.send("/register", "/register", &registration).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/provider")), "{}", answer.text);
    let answer = provider.send("/provider/sites/new", "/provider/sites/new", SITE).await;
    assert_eq!(answer.header("location"), Some("/provider/listings/new"), "{}", answer.text);
    let page = provider.get("/provider/listings/new").await.text;
    let site = page.split("name=\"site\"").nth(1).unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    let (start, end) = (world.at(0), world.at(7 * 24 * 60));
    let listing = [
        ("site", site),
        ("product", PRODUCT),
        ("gpus", "16"),
        ("gpus_per_node", "8"),
        ("start", &start[..16]),
        ("end", &end[..16]),
        ("interconnect", "infiniband"),
        ("sla_class", "99"),
        ("resale", "sublease"),
        ("once", "l1"),
    ];
    let answer = provider.send("/provider/listings/new", "/provider/listings/new", &listing).await;
    let next = answer.header("location").unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
    assert!(next.starts_with("/asks/new?source="), "{next}");
    // Sent twice, listed once.
    let again = provider.send("/provider/listings/new", "/provider/listings/new", &listing).await;
    assert_eq!(again.header("location"), Some(next.as_str()));
    let source = next.split("source=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut ask = vec![("source", source.as_str()), ("gpus", "16"), ("price", "1.5"), ("lot", "8"), ("once", "a1")];
    ask.push(("step", "preview"));
    let answer = provider.send("/asks/new", "/asks/new", &ask).await;
    assert!(answer.status == 200 && answer.text.contains("This would trade nothing at once"), "{}", answer.text);
    assert!(answer.text.contains("16 GPUs would wait in the book"));
    assert!(provider.get("/provider").await.text.contains("No open asks"), "a preview places nothing");
    *ask.last_mut().unwrap() = ("step", "place");
    for _ in 0..2 {
        let answer = provider.send("/asks/new", "/asks/new", &ask).await;
        assert_eq!(answer.header("location"), Some("/provider?placed=ask"), "{}", answer.text);
    }
    assert_eq!(provider.get("/provider").await.text.matches("Cancel order").count(), 1, "sent twice, placed once");
    let renter = Visitor::logged_in(world, "renter").await;
    let (start, end) = (&world.at(0)[..16], &world.at(24 * 60)[..16]);
    let found = renter.get(&format!("/renter?product={PRODUCT}&gpus=8&start={start}&end={end}")).await.text;
    // 8 GPUs for 24 hours at $1.50.
    assert!(found.contains("8 GPUs for $288.00") && found.contains("A limit of $1.50 takes it"), "{found}");
    let mut bid = vec![
        ("product", PRODUCT),
        ("gpus", "8"),
        ("price", "1.6"),
        ("start", start),
        ("end", end),
        ("lot", "8"),
        ("time_in_force", "ioc"),
        ("once", "b1"),
        ("step", "preview"),
    ];
    let answer = renter.send("/bids/new", "/bids/new", &bid).await;
    assert!(
        answer.text.contains("This would trade 8 GPUs at once") && answer.text.contains("$1.50 on average"),
        "{}",
        answer.text
    );
    *bid.last_mut().unwrap() = ("step", "place");
    let answer = renter.send("/bids/new", "/bids/new", &bid).await;
    assert_eq!(answer.header("location"), Some("/renter?placed=bid"), "{}", answer.text);
    assert!(renter.get("/renter").await.text.contains("bought from Hall Co"));
    assert!(provider.get("/provider").await.text.contains("sold to renter"));
    assert!(Visitor::new(world).get(&format!("/markets/{PRODUCT}")).await.text.contains("a bid"));
    // What is asked of the provider, and what is bid if it defaults, goes with the bid.
    bid.retain(|(name, _)| !["once", "time_in_force"].contains(name));
    bid.extend([("time_in_force", "gtc"), ("once", "b2")]);
    bid.extend([("min_tier", "trusted"), ("min_score", "0.985"), ("cover_price", "2.5")]);
    let answer = renter.send("/bids/new", "/bids/new", &bid).await;
    assert_eq!(answer.header("location"), Some("/renter?placed=bid"), "{}", answer.text);
    let orders = world.get(&market.renter, "/v1/orders?status=live").await.expect(200);
    let placed = &orders["data"][0];
    let asked = [&placed["cover_price"], &placed["requirements"]["min_tier"], &placed["requirements"]["min_score"]];
    assert_eq!(asked.map(|value| value.as_str().unwrap()), ["2.50", "trusted", "0.9850"]);
}

#[actix_web::test]
async fn what_is_wrong_with_a_form_is_said_beside_it() {
    let market = Market::open().await;
    let renter = Visitor::logged_in(&market.world, "renter").await;
    let (start, end) = (market.world.at(0), market.world.at(60));
    let bid = |price: &'static str, gpus: &'static str| {
        vec![
            ("product", PRODUCT),
            ("gpus", gpus),
            ("price", price),
            ("start", &start[..16]),
            ("end", &end[..16]),
            ("lot", "1"),
            ("time_in_force", "gtc"),
            ("step", "place"),
        ]
    };
    let with = |name: &'static str, value: &'static str| {
        let mut fields = bid("1.5", "8");
        fields.push((name, value));
        fields
    };
    for (fields, said) in [
        (bid("1.5", "eight"), "gpus: must be a whole number"),
        (bid("$2", "8"), "price: must be dollars such as 1.94"),
        (bid("1.0005", "8"), "The price is not a multiple"),
        (bid("900000", "8"), "The available balance does not cover"),
        (with("min_score", "97"), "min_score: must be a decimal string from 0 to 1"),
        (with("min_tier", "friend"), "min_tier"),
        (with("cover_price", "two"), "cover_price: must be dollars such as 1.94"),
        (with("cover_price", "1.0005"), "cover_price"),
    ] {
        let answer = renter.send("/bids/new", "/bids/new", &fields).await;
        assert_eq!(answer.status, 422, "{said}");
        assert!(answer.text.contains(said) && answer.text.contains(&start[..16]), "{said}: {}", answer.text);
    }
}

#[actix_web::test]
async fn overseers_halt_and_suspend_and_auditors_do_not() {
    let market = Market::open().await;
    let set = [("organization", market.provider.organization.as_str()), ("tier", "verified")];
    let admin = Visitor::logged_in(&market.world, "admin").await;
    let halt = [("product", PRODUCT), ("halted", "yes")];
    let auditor = Visitor::logged_in(&market.world, "auditor").await;
    assert_eq!(auditor.send("/admin", "/admin/halts", &halt).await.status, 403);
    assert_eq!(admin.send("/admin", "/admin/halts", &halt).await.status, 303);
    assert!(Visitor::new(&market.world).get(&format!("/markets/{PRODUCT}")).await.text.contains("halted"));
    assert_eq!(auditor.send("/admin", "/admin/tiers", &set).await.status, 403);
    assert_eq!(admin.send("/admin", "/admin/tiers", &set).await.status, 303);
    assert!(admin.get("/admin").await.text.contains("<option selected>verified</option>"));
    let suspend = [("organization", market.renter.organization.as_str()), ("suspended", "yes")];
    assert_eq!(auditor.send("/admin", "/admin/suspensions", &suspend).await.status, 403);
    assert_eq!(admin.send("/admin", "/admin/suspensions", &suspend).await.status, 303);
    assert!(admin.get("/admin").await.text.contains("Reinstate renter"));
}

#[actix_web::test]
async fn how_buyers_resell_is_chosen_with_the_listing() {
    let market = Market::open().await;
    let provider = Visitor::logged_in(&market.world, "provider").await;
    let (start, end) = (market.world.at(0), market.world.at(7 * 24 * 60));
    for (chosen, resale, allowed) in
        [("novation", "novation", true), ("sublease", "sublease", true), ("no", "sublease", false)]
    {
        let listing = [
            ("site", market.site.as_str()),
            ("product", PRODUCT),
            ("gpus", "16"),
            ("gpus_per_node", "8"),
            ("start", &start[..16]),
            ("end", &end[..16]),
            ("interconnect", "infiniband"),
            ("sla_class", "99"),
            ("resale", chosen),
            ("once", chosen),
        ];
        let answer = provider.send("/provider/listings/new", "/provider/listings/new", &listing).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let listed = market.world.get(&market.provider, "/v1/listings?limit=1").await.expect(200);
        let made = &listed["data"][0];
        assert_eq!(
            (made["resale"].as_str(), made["resale_allowed"].as_bool()),
            (Some(resale), Some(allowed)),
            "{made}"
        );
    }
}

#[actix_web::test]
async fn a_long_bid_is_paid_by_the_month_where_the_box_is_ticked() {
    let market = crate::api::funding::market().await;
    let renter = Visitor::logged_in(&market.world, "renter").await;
    assert!(renter.get("/bids/new").await.text.contains("name=\"monthly\" value=\"yes\">"), "it is not ticked");
    let bid = |days: u32, once: &'static str, step: &'static str| {
        let (start, end) = (market.world.at(0), market.world.at(days * 24 * 60));
        let fields =
            [("gpus", "8"), ("price", "2.50"), ("lot", "8"), ("time_in_force", "ioc"), ("once", once), ("step", step)];
        let fields = fields.map(|(name, value)| (name, value.to_owned())).into_iter();
        let window =
            [("start", start[..16].to_owned()), ("end", end[..16].to_owned()), ("product", PRODUCT.to_owned())];
        fields.chain(window).collect::<Vec<_>>()
    };
    let send = async |fields: Vec<(&'static str, String)>| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        renter.send("/bids/new", "/bids/new", &fields).await
    };
    let monthly = |mut fields: Vec<(&'static str, String)>| {
        fields.push(("monthly", "yes".to_owned()));
        fields
    };
    // 8 * 720 * 2.50, twice; all of it would be 8 * 1,680 * 2.50.
    let preview = send(monthly(bid(70, "m1", "preview"))).await;
    assert!(preview.text.contains("28,800.00") && preview.text.contains("value=\"yes\" checked"), "{}", preview.text);
    let whole = send(bid(70, "m1", "preview")).await;
    assert!(whole.text.contains("33,600.00"), "{}", whole.text);
    let short = send(monthly(bid(30, "m2", "place"))).await;
    assert!(short.status == 422 && short.text.contains("Funding not allowed"), "{}", short.text);
    let placed = send(monthly(bid(70, "m3", "place"))).await;
    assert_eq!(placed.header("location"), Some("/renter?placed=bid"), "{}", placed.text);
    let orders = market.world.get(&market.renter, "/v1/orders").await.expect(200);
    assert_eq!((&orders["data"][0]["funding"], &orders["data"][0]["status"]), (&"monthly".into(), &"filled".into()));
}
