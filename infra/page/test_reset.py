"""The page behind the emailed link of a forgotten password, and without a link the one that asks for it."""

import pytest
from conftest import APP, FAULTS, JSON, PASSWORD, STACK, ask, ask_well, browser, mails, pass_time, token

ASK, CONFIRM = "/v1/password-resets", "/v1/password-resets/confirm"
NEW, OTHER = "battery staple horse correct", "staple correct battery horse"


def link_for(address):
    """Asks for a link; answers the token in its mail."""
    before = len(mails(address))
    ask_well("POST", ASK, {"email": address})
    return token(address, before)


def signs_in(address, password):
    return ask("POST", f"{STACK}/v1/sessions", {"email": address, "password": password})[0] == 201


def test_a_forgotten_password_is_replaced_from_asking_to_signing_in(page, team):
    before = len(mails(team.owner))
    page.open("", "reset").sees("ask-heading", r"^Forgot your password\?$").sees("send", "^Send me a link$")
    page.fill(email=team.owner).click("send").sees("done-text", "a mail is on its way. Nothing after a few minutes")
    assert not page.one("go").is_displayed()
    link = token(team.owner, before)
    page.open(link, "reset").sees("heading", "^Choose a new password$").fill(password=NEW).click("show")
    assert page.one("password").get_attribute("type") == "text"
    page.click("change").sees("done-heading", "^Your password is changed$").sees("done-text", "Every device was signed out")
    assert page.one("go").is_displayed() and page.one("go").get_attribute("href") == APP
    # a used token has no business in the address, and none is ever sent in one
    assert "#" not in page.driver.current_url
    assert not [path for path, _ in page.gateway.asked if link in path]
    page.driver.refresh()
    page.sees("done-heading", "^Your password is changed$")
    assert signs_in(team.owner, NEW) and not signs_in(team.owner, PASSWORD)


def test_a_link_that_is_over_leads_to_another_one(page, team):
    link = link_for(team.owner)
    pass_time(3_601)
    page.open(link, "reset").sees("heading").fill(password=NEW).click("change")
    page.sees("ask-heading", "^This link is over$").sees("ask-text", "works once, for an hour").sees("send", "another link")
    page.click("send").sees("email-error", "address is required")
    before = len(mails(team.owner))
    page.fill(email=team.owner).click("send").sees("done-heading", "^Look in your mailbox$")
    # in the same tab
    page.script("location.hash = arguments[0]", token(team.owner, before))
    page.sees("heading").fill(password=NEW).click("change").sees("done-heading", "^Your password is changed$")


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_answers_instead_of_the_api_gets_a_sentence_and_a_way_on(page, team, fault):
    answer, words = FAULTS[fault]
    hurry = page.hurried()
    try:
        link = link_for(team.owner)
        page.gateway.faults |= {ASK: answer, CONFIRM: answer}
        page.open("", "reset").sees("send").fill(email=team.owner).click("send").sees("ask-form-error", words)
        assert page.one("send").is_enabled()
        page.open(link, "reset").sees("heading").fill(password=NEW).click("change").sees("form-error", words)
        page.gateway.faults.clear()
        page.click("change").sees("done-heading", "^Your password is changed$")
    finally:
        page.calm(hurry)


def test_a_change_whose_answer_was_lost_is_tried_again(page, team):
    page.open(link_for(team.owner), "reset").sees("heading").fill(password=NEW).losing_an_answer()
    page.click("change").sees("form-error", "can’t be reached").click("change").sees("done-heading", "is changed$")


def test_another_password_after_a_lost_answer_is_not_said_to_be_set(page, team):
    page.open(link_for(team.owner), "reset").sees("heading").fill(password=NEW).losing_an_answer()
    page.click("change").sees("form-error", "can’t be reached")
    page.fill(password=OTHER).click("change").sees("ask-heading", "^This link is over$")
    assert signs_in(team.owner, NEW) and not signs_in(team.owner, OTHER)


def test_a_password_that_can_not_be_chosen_is_marked_until_it_is_mended(page, team):
    page.open(link_for(team.owner), "reset").sees("heading").fill(password="short").click("change")
    page.sees("password-error", "at least 15 characters")
    assert page.focused() == "password" and page.one("password").get_attribute("aria-invalid") == "true"
    page.fill(password=team.owner)
    assert page.text("password-error") == "" and page.one("password").get_attribute("aria-invalid") == "false"
    page.click("change").sees("password-error", "can't be the email address")
    page.fill(password=NEW).click("change").sees("done-heading")


def test_an_account_that_is_in_no_team_any_more_is_told_so(page, team):
    link = link_for(team.owner)
    team.suspend()
    page.open(link, "reset").sees("heading").fill(password=NEW).click("change")
    page.sees("form-error", r"^The account has no membership in use any more, ask an admin of your team\.$")
    team.suspend(False)
    page.click("change").sees("done-heading")


def test_who_asks_too_often_hears_how_long_to_wait(page, team):
    for _ in range(5):
        ask_well("POST", ASK, {"email": team.owner})
    page.open("", "reset").sees("send").fill(email=team.owner).click("send")
    page.sees("ask-form-error", r"^That was too often\. Try again in \d+ (minute|second)s?\.$")


def test_a_second_link_in_the_same_tab_starts_over(page, team):
    first, second = link_for(team.owner), link_for(team.owner)
    page.open(first, "reset").sees("heading").fill(password="half a password typed")
    # while a call of the first one still runs
    page.gateway.faults[CONFIRM] = "hang"
    page.click("change").script("location.hash = 'nothing'")
    page.sees("ask-heading", "^This link is over$")
    assert page.one("send").is_enabled()
    page.gateway.faults.clear()
    page.script("location.hash = arguments[0]", second)
    page.sees("heading")
    assert page.one("change").is_enabled() and page.one("password").get_property("value") == ""
    page.fill(password=NEW).click("change").sees("done-heading", "^Your password is changed$")


def test_focus_and_a_live_region_follow_every_change(page, team):
    page.open("", "reset").sees("ask-heading").followed("ask-heading")
    page.fill(email=team.owner).click("send").sees("done-heading").followed("done-heading")
    page.open(link_for(team.owner), "reset").sees("heading").followed("heading")
    page.fill(password=NEW).click("change").sees("done-heading").followed("done-heading")
    # what was cut short is over before anybody has thought of a password
    page.open("nothing", "reset").sees("ask-heading", "^This link is over$").followed("ask-heading")


@pytest.mark.parametrize("behind", [".", ")", "%3E", "%0A"])
def test_a_link_opens_with_what_mail_programs_put_behind_it(page, team, behind):
    page.open(link_for(team.owner) + behind, "reset").sees("heading").fill(password=NEW).click("change")
    page.sees("done-heading", "^Your password is changed$")


def test_without_a_script_the_page_says_what_to_do(gateway):
    driver = browser(**{"profile.managed_default_content_settings.javascript": 2})
    try:
        driver.get(f"{gateway.origin}/reset#nothing")
        assert "Allow JavaScript" in driver.find_element("tag name", "main").text
    finally:
        driver.quit()


def test_nobody_is_left_waiting_for_a_script_that_never_comes(page):
    page.gateway.faults["/assets/reset.js"] = (503, JSON, '{"message":"Service Unavailable"}')
    page.open("", "reset").sees("loading", "takes longer than it should. Reload")


def test_everything_that_the_page_asks_for_is_there(page):
    page.open("", "reset").sees("ask-heading")
    assert all(status == 200 for _, status in page.gateway.asked), page.gateway.asked
    noisy = [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in noisy if page.gateway.origin in entry["message"]], noisy
