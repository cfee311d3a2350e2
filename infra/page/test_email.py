"""The page behind the emailed links of a new address: the one that confirms it, and the one that takes the old one back."""

import pytest
from conftest import APP, FAULTS, JSON, PASSWORD, STACK, Team, ask, ask_well, browser, mails, pass_time, token

API = "/v1/email-changes/"
OTHER = "staple correct battery horse"


def new(team):
    return f"olive.new@{team.domain}"


def confirmation(team):
    """Asks for another address of the owner; answers the fragment of the link that it is mailed."""
    before = len(mails(new(team)))
    ask_well("POST", "/v1/me/email", {"email": new(team), "password": PASSWORD}, team.session)
    return token(new(team), before)


def undoing(team):
    """The owner's address is another one; answers the fragment of the link that the old one is mailed."""
    before = len(mails(team.owner))
    ask_well("POST", f"{API}confirm", {"token": confirmation(team).removeprefix("confirm.")})
    return token(team.owner, before)


def signs_in(address, password=PASSWORD):
    return ask("POST", f"{STACK}/v1/sessions", {"email": address, "password": password})[0] == 201


def asked(page):
    """The calls of the API that the page made."""
    return [path for path, _ in page.gateway.asked if path.startswith("/v1/")]


def test_a_new_address_is_confirmed_by_a_button_and_not_by_opening(page, team):
    fragment = confirmation(team)
    page.open(fragment, "email").sees("heading", r"^Use this address from now on\?$").sees("lead", "old address gets a mail")
    assert not asked(page)
    assert signs_in(team.owner) and not signs_in(new(team))
    page.sees("yes", "^Use this address$").click("yes").sees("over-heading", "^Your address is changed$")
    page.sees("over-text", f"^It is {new(team)} now. Sign in with it from now on.$")
    assert page.one("go").is_displayed() and page.one("go").get_attribute("href") == APP
    assert not page.one("reset").is_displayed()
    assert signs_in(new(team)) and not signs_in(team.owner)
    # a used token has no business in the address, and none is ever sent in one
    assert "#" not in page.driver.current_url
    assert not [path for path, _ in page.gateway.asked if fragment.split(".")[1] in path]


def test_an_old_address_is_taken_back_by_a_button_and_a_new_password_is_mailed_to_it(page, team):
    fragment, before = undoing(team), len(mails(team.owner))
    page.open(fragment, "email").sees("heading", r"^Take your old address back\?$").sees("lead", "Every device is signed")
    assert not asked(page)
    assert signs_in(new(team))
    page.sees("yes", "^Take it back$").click("yes").sees("over-heading", "^Look in your mailbox$")
    page.sees("over-text", f"You sign in with {team.owner} again")
    assert not page.one("go").is_displayed()
    assert page.one("reset").get_attribute("href") == f"{page.gateway.origin}/reset"
    assert "#" not in page.driver.current_url
    assert not signs_in(new(team)) and not signs_in(team.owner)
    # and the mail leads in again
    page.open(token(team.owner, before), "reset").sees("heading").fill(password=OTHER).click("change")
    page.sees("done-heading", "^Your password is changed$")
    assert signs_in(team.owner, OTHER)


def test_reloading_and_coming_back_still_say_what_was_done(page, team):
    fragment = confirmation(team)
    before = len(mails(team.owner))
    page.open(fragment, "email").sees("yes").click("yes").sees("over-heading", "^Your address is changed$")
    page.driver.refresh()
    page.sees("over-heading", "^Your address is changed$").sees("over-text", new(team))
    page.driver.get(f"{page.gateway.origin}/")
    page.driver.back()
    page.sees("over-heading", "^Your address is changed$")
    # the mail's link says that it was used
    page.open(fragment, "email").sees("yes").click("yes").sees("over-text", "sign in with the new address")
    page.open(token(team.owner, before), "email").sees("yes").click("yes").sees("over-heading", "^Look in your mailbox$")
    page.driver.refresh()
    page.sees("over-heading", "^Look in your mailbox$").sees("over-text", team.owner)


def test_a_link_that_is_over_says_why_and_what_to_do(page, team):
    fragment = confirmation(team)
    pass_time(3_601)
    page.open(fragment, "email").sees("yes").click("yes").sees("over-heading", "^This link is over$")
    page.sees("over-text", "once, for an hour.*change your address once more")
    assert not page.one("reset").is_displayed()
    # with another password too
    fragment = confirmation(team)
    ask_well("PUT", "/v1/me/password", {"current_password": PASSWORD, "new_password": OTHER}, team.session)
    page.open(fragment, "email").sees("yes").click("yes").sees("over-heading", "^This link is over$")


def test_an_undo_that_is_over_says_why_and_what_to_do(page, team):
    fragment = undoing(team)
    pass_time(7 * 86_400 + 1)
    page.open(fragment, "email").sees("yes").click("yes").sees("over-heading", "^This link is over$")
    page.sees("over-text", "once, and for seven days.*tell an admin of your team, or who runs the service")
    assert page.one("reset").is_displayed()
    assert signs_in(new(team))


def test_an_address_that_is_invited_says_what_to_do_and_works_after_that(page, team):
    fragment = confirmation(team)
    who = {"email": new(team), "first_name": "Olive", "last_name": "Ortega"}
    invited = team.ask("POST", "invitations", who)["id"]
    page.open(fragment, "email").sees("yes").click("yes")
    page.sees("form-error", "invited to one of your teams. Nothing was changed.*have that invitation taken back")
    assert page.one("yes").is_enabled()
    team.ask("DELETE", f"invitations/{invited}")
    page.click("yes").sees("over-heading", "^Your address is changed$")


def test_an_old_address_that_somebody_else_has_by_now_says_whom_to_tell(page, team):
    fragment = undoing(team)
    link = Team("Brew Works").confirmed().invite(email=team.owner)
    ask_well("POST", "/v1/invitations/accept", {"token": link, "password": OTHER})
    page.open(fragment, "email").sees("yes").click("yes")
    page.sees("form-error", "Somebody else has your old address by now.*Tell an admin of your team")
    assert signs_in(new(team))


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_answers_instead_of_the_api_gets_a_sentence_and_a_way_on(page, team, fault):
    answer, words = FAULTS[fault]
    hurry = page.hurried()
    try:
        before = len(mails(team.owner))
        faults = page.gateway.faults
        faults |= {f"{API}confirm": answer, f"{API}undo": answer}
        page.open(confirmation(team), "email").sees("yes").click("yes").sees("form-error", words)
        assert page.one("yes").is_enabled()
        faults.clear()
        page.click("yes").sees("over-heading", "^Your address is changed$")
        faults |= {f"{API}confirm": answer, f"{API}undo": answer}
        page.open(token(team.owner, before), "email").sees("yes").click("yes").sees("form-error", words)
        faults.clear()
        page.click("yes").sees("over-heading", "^Look in your mailbox$")
    finally:
        page.calm(hurry)


def test_a_change_whose_answer_was_lost_is_tried_again(page, team):
    before = len(mails(team.owner))
    page.open(confirmation(team), "email").sees("yes").losing_an_answer()
    page.click("yes").sees("form-error", "can’t be reached").click("yes").sees("over-text", f"^It is {new(team)} now")
    page.open(token(team.owner, before), "email").sees("yes").losing_an_answer()
    page.click("yes").sees("form-error", "can’t be reached").click("yes").sees("over-heading", "^Look in your mailbox$")


def test_a_second_link_in_the_same_tab_starts_over(page, team):
    before = len(mails(team.owner))
    page.open(confirmation(team), "email").sees("heading", "^Use this address")
    # while a call of the first one still runs
    page.gateway.faults[f"{API}confirm"] = "hang"
    page.click("yes").script("location.hash = 'confirm.nothing'")
    page.sees("over-heading", "^This link is not complete$")
    page.gateway.faults.clear()
    page.script("location.hash = arguments[0]", confirmation(team))
    page.sees("heading", "^Use this address")
    assert page.one("yes").is_enabled()
    page.click("yes").sees("over-heading", "^Your address is changed$")
    # after the change too
    page.script("location.hash = arguments[0]", token(team.owner, before))
    page.sees("heading", "^Take your old address back").click("yes").sees("over-heading", "^Look in your mailbox$")


def test_focus_and_a_live_region_follow_every_change(page, team):
    fragment = confirmation(team)
    page.open(fragment, "email").sees("heading").followed("heading")
    page.click("yes").sees("over-heading").followed("over-heading")
    page.open(fragment, "email").sees("yes").click("yes").sees("over-heading", "^This link is over$")
    page.followed("over-heading")


@pytest.mark.parametrize("fragment", ["", "nothing", "confirm.nothing", "confirm." + "x" * 35, "undo." + "x" * 42, "x" * 43])
def test_a_link_that_was_cut_short_says_so_before_anything_is_asked(page, fragment):
    page.open(fragment, "email").sees("over-heading", "^This link is not complete$").sees("over-text", "copy all of it")
    page.followed("over-heading")
    assert not asked(page)


@pytest.mark.parametrize("behind", [".", ")", "%3E", "%0A"])
def test_a_link_opens_with_what_mail_programs_put_behind_it(page, team, behind):
    page.open(confirmation(team) + behind, "email").sees("yes").click("yes")
    page.sees("over-heading", "^Your address is changed$")


def test_without_a_script_the_page_says_what_to_do(gateway):
    driver = browser(**{"profile.managed_default_content_settings.javascript": 2})
    try:
        driver.get(f"{gateway.origin}/email#confirm.nothing")
        assert "Allow JavaScript" in driver.find_element("tag name", "main").text
    finally:
        driver.quit()


def test_nobody_is_left_waiting_for_a_script_that_never_comes(page):
    page.gateway.faults["/assets/email.js"] = (503, JSON, '{"message":"Service Unavailable"}')
    page.open("", "email").sees("loading", "takes longer than it should. Reload")


def test_everything_that_the_page_asks_for_is_there(page):
    page.open("", "email").sees("over-heading")
    assert all(status == 200 for _, status in page.gateway.asked), page.gateway.asked
    noisy = [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert not [entry for entry in noisy if page.gateway.origin in entry["message"]], noisy
