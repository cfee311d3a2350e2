"""The page behind the emailed link, as somebody meets it who was invited."""

import pytest
from conftest import APP, FAULTS, JSON, MAILBOX, PASSWORD, Team, browser, invoke, mails, pass_time, token

API = "/v1/invitations/"


def test_somebody_joins_and_has_somewhere_to_go(page, team):
    brand = team.ask("POST", "brands", {"name": "Sage"})["id"]
    page.open(team.invite(brands=[brand])).sees("heading", "^Join Acme Botanicals$").sees("brands", "^Sage$")
    page.sees("lead", "Olive Ortega invites you")
    page.fill(password=PASSWORD).click("accept").sees("over-heading", "^You’re in: welcome to Acme Botanicals$")
    assert page.one("go").get_attribute("href") == APP
    assert page.one("go").is_displayed()
    # a used token has no business in the address
    assert "#" not in page.driver.current_url


def test_reloading_and_coming_back_still_say_that_one_is_in(page, team):
    page.open(team.invite()).sees("heading").fill(password=PASSWORD).click("accept").sees("over-heading", "You’re in")
    page.driver.refresh()
    page.sees("over-heading", "You’re in").sees("over-text", f"ana@{team.domain}")
    page.driver.get(f"{page.gateway.origin}/")
    page.driver.back()
    page.sees("over-heading", "You’re in")
    # and the mail's link says that it was used
    page.open(token(f"ana@{team.domain}")).sees("over-heading", "You have accepted already")
    assert page.one("go").get_attribute("href") == APP
    page.driver.get(f"{page.gateway.origin}/")
    assert page.driver.find_element("css selector", "a.button").get_attribute("href") == APP


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_answers_instead_of_the_api_gets_a_sentence_and_a_way_on(page, team, fault):
    answer, words = FAULTS[fault]
    hurry = page.hurried()
    try:
        link = team.invite(expires_in_days=1)
        faults = page.gateway.faults
        faults[API + "preview"] = answer
        page.open(link).sees("over-heading", "^This did not work$").sees("over-text", words).sees("again")
        faults.clear()
        page.click("again").sees("heading", "^Join ")
        for verb in ("accept", "decline"):
            faults[API + verb] = answer
            page.fill(password=PASSWORD).click(verb)
            if verb == "decline":
                page.driver.switch_to.alert.accept()
            page.sees("form-error", words)
            assert page.one(verb).is_enabled()
            faults.clear()
        pass_time(86_400)
        page.open(link).sees("over-heading", "^This link has expired$")
        faults[API + "renew"] = answer
        page.click("renew").sees("over-error", words)
        faults.clear()
        page.click("renew").sees("over-heading", "^A fresh link is on its way$")
        assert page.text("over-error") == ""
    finally:
        page.calm(hurry)


def test_an_acceptance_whose_answer_was_lost_is_tried_again_and_joins_once(page, team):
    link = team.invite()
    page.open(link).sees("heading").fill(password=PASSWORD)
    page.losing_an_answer()
    page.click("accept").sees("form-error", "can’t be reached").click("accept").sees("over-heading", "You’re in")


def test_a_second_link_in_the_same_tab_shows_its_own_invitation(page, team):
    other = Team("Brew Works").confirmed()
    page.open(team.invite()).sees("heading", "Join Acme")
    page.fill(password="half a password typed").script("location.hash = arguments[0]", other.invite())
    page.sees("heading", "^Join Brew Works$")
    assert page.one("password").get_property("value") == ""
    # after joining too
    page.fill(password=PASSWORD).click("accept").sees("over-heading", "welcome to Brew Works")
    page.script("location.hash = arguments[0]", token(f"ana@{team.domain}"))
    page.sees("heading", "^Join Acme")


def test_without_a_script_the_page_says_what_to_do(gateway, team):
    driver = browser(**{"profile.managed_default_content_settings.javascript": 2})
    try:
        driver.get(f"{gateway.origin}/accept#{team.invite()}")
        assert "Allow JavaScript" in driver.find_element("tag name", "main").text
        assert "One moment" not in driver.find_element("tag name", "main").text
    finally:
        driver.quit()


@pytest.mark.parametrize("script", ["accept.js", "common.js"])
def test_nobody_is_left_waiting_for_a_script_that_never_comes(page, team, script):
    page.gateway.faults[f"/assets/{script}"] = (503, JSON, '{"message":"Service Unavailable"}')
    page.open(team.invite()).sees("loading", "takes longer than it should. Reload")


def test_errors_that_are_over_disappear_and_both_wrong_fields_are_marked(page, team):
    def marked():
        return [f for f in ("first_name", "last_name", "password") if page.one(f).get_attribute("aria-invalid") == "true"]

    page.open(team.invite()).sees("heading").fill(first_name="<b>", password="qwertyuiopasdfg").click("accept")
    page.sees("first_name-error", "web address").sees("password-error", "many people use")
    assert marked() == ["first_name", "password"]
    assert page.focused() == "first_name"
    page.fill(first_name="Ana")
    assert marked() == ["password"] and page.text("first_name-error") == ""
    page.fill(password="short").click("accept").sees("password-error", "at least 15 characters")
    page.fill(password=PASSWORD).click("accept").sees("over-heading", "You’re in")


def test_somebody_who_has_a_password_proves_it(page, team):
    page.open(team.invite()).sees("heading").fill(password=PASSWORD).click("accept").sees("over-heading", "You’re in")
    other = Team("Brew Works").confirmed()
    page.open(other.invite(email=f"ana@{team.domain}")).sees("password-label", "^Your password$")
    assert not page.one("names").is_displayed()
    page.fill(password="another password of mine").click("accept").sees("password-error", "it is another one")
    page.fill(password=PASSWORD).click("accept").sees("over-heading", "welcome to Brew Works")


def test_focus_and_a_live_region_follow_every_change(page, team):
    page.open(team.invite()).sees("heading")
    page.followed("heading")
    page.click("decline").driver.switch_to.alert.accept()
    page.sees("over-heading", "^You declined")
    page.followed("over-heading")
    page.gateway.faults[API + "preview"] = (500, JSON, "")
    page.open(team.invite("ben")).sees("over-heading", "^This did not work$")
    page.followed("over-heading")
    page.gateway.faults.clear()
    said = """const status = document.getElementById('status'), said = window.said = [];
        new MutationObserver(() => said.push(status.textContent)).observe(status, {childList: true, subtree: true});"""
    page.script(said)
    page.click("again").sees("heading", "^Join ")
    assert page.script("return window.said")[0].startswith("One moment")
    page.followed("heading")
    page.fill(password=PASSWORD).click("accept").sees("over-heading", "^You’re in")
    page.followed("over-heading")
    page.open("nothing").sees("over-heading", "^This link is not valid$")
    page.followed("over-heading")


def luminance(channels):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (channel / 255 for channel in channels)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_borders_of_inputs_can_be_told_from_the_page(page, team, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    page.open(team.invite()).sees("heading")
    colours = page.script("""return [getComputedStyle(document.getElementById('password')).borderTopColor,
        getComputedStyle(document.querySelector('main')).backgroundColor];""")
    border, card = (luminance([int(c) for c in colour[4:-1].split(",")]) for colour in colours)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert (max(border, card) + 0.05) / (min(border, card) + 0.05) >= 3, colours


def test_a_full_team_is_explained_to_an_invitee(page, team):
    link = team.invite(expires_in_days=1)
    pass_time(86_400)
    invoke({"operation": "set-plan", "tenant": team.tenant, "plan": "small", "seats": 1, "reason": "story"})
    page.open(link).sees("renew").click("renew").sees("over-error", "no free place at the moment. Ask who invited you")


def test_an_expired_invitation_can_be_turned_down(page, team):
    link = team.invite(expires_in_days=1)
    pass_time(86_400)
    page.open(link).sees("refuse").click("refuse").sees("over-heading", "^You declined").sees("over-text", "Nobody emails you")
    page.open(link).sees("over-heading", "^You declined")


def test_a_sign_up_is_confirmed_or_cancelled_in_words_of_its_own(page):
    page.open(token(Team().owner)).sees("heading", "^Confirm Acme").sees("accept", "^Confirm$")
    page.click("decline").driver.switch_to.alert.accept()
    page.sees("over-heading", "^The sign-up is cancelled$")


def test_what_a_second_link_finds_is_not_what_the_first_one_was(page, team):
    # a sign-up, then an expired invitation in the same tab
    link = team.invite(expires_in_days=1)
    pass_time(86_400)
    other = Team()
    page.open(token(other.owner)).sees("heading", "^Confirm Acme")
    # while a call of the first one still runs
    page.gateway.faults[API + "accept"] = "hang"
    page.fill(password=PASSWORD).click("accept")
    page.script("location.hash = arguments[0]", link)
    page.sees("refuse")
    assert page.one("refuse").is_enabled()
    page.click("refuse").sees("over-heading", "^You declined this invitation$")


def test_an_invitation_that_can_not_be_renewed_can_be_turned_down(page, team):
    link = team.invite(expires_in_days=1)
    pass_time(32 * 86_400)
    page.open(link).sees("over-heading", "^This link has expired$").sees("refuse")
    assert not page.one("renew").is_displayed()
    page.click("refuse").sees("over-heading", "^You declined")


def test_a_suspended_organization_is_not_now_rather_than_over(page, team):
    link = team.invite()
    team.suspend()
    page.open(link).sees("over-heading", "^Not now$").sees("over-text", "suspended at the moment")
    team.suspend(False)
    page.click("again").sees("heading", "^Join ")


def test_times_carry_their_zone(page, team):
    page.open(team.invite()).sees("until", r"\d{4}.* (UTC|GMT|[A-Z]{3,4})([+-]\d+)?$")


@pytest.mark.parametrize("size", ["100%", "200%"])
def test_long_words_many_brands_and_large_text_do_not_overflow(page, size):
    word = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft" + "x" * 19
    team = Team(word).confirmed()
    brands = [team.ask("POST", "brands", {"name": f"{word[:90]}{n}"})["id"] for n in range(50)]
    link = team.invite(first_name=word, last_name=word, brands=brands)
    wide = """const html = document.documentElement; html.style.fontSize = arguments[0];
        return [html.scrollWidth, html.clientWidth];"""
    # as narrow as a telephone: the window's own least width is larger
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        page.open(link).sees("heading")
        used, there = page.script(wide, size)
        assert used <= there <= 360, "the form"
        page.fill(password="x").click("accept").sees("password-error")
        used, there = page.script(wide, size)
        assert used <= there, "the form with its errors"
        page.fill(password=PASSWORD).click("accept").sees("over-heading")
        used, there = page.script(wide, size)
        assert used <= there, "joined"
        mail = mails(f"ana@{team.domain}")[-1]["id"]
        page.driver.get(f"{MAILBOX}/messages/{mail}")
        # a mail names its sizes in pixels
        page.script("""const size = (one) => getComputedStyle(one).fontSize;
            const all = [...document.querySelectorAll('*')].map((one) => [one, parseFloat(size(one))]);
            for (const [one, px] of all) one.style.fontSize = `${px * parseFloat(arguments[0]) / 100}px`;""", size)
        used, there = page.script(wide, size)
        assert used <= there, "the mail"
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("behind", [".", ">", "%3E", "%20", ")", ",", "%0A"])
def test_a_link_opens_with_what_mail_programs_put_behind_it(page, team, behind):
    page.open(team.invite() + behind).sees("heading", "^Join ")


def test_everything_that_the_pages_ask_for_is_there(page, team):
    page.open(team.invite()).sees("heading")
    page.driver.get(f"{page.gateway.origin}/")
    assert page.driver.title == "Team accounts"
    assert ("/assets/icon.svg", 200) in page.gateway.asked
    assert all(status == 200 for _, status in page.gateway.asked), page.gateway.asked
    noisy = [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in noisy if page.gateway.origin in entry["message"]], noisy
