"""What Canaille knows from its start: run by its own Python, since each of its commands takes seconds to begin."""

import json
import os

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

told = json.loads(os.environ["PEOPLE"])
with create_app().app_context(), Backend.instance.session():
    named = told["name"]
    mail = [f"{named}@example.com"]
    person = models.User(user_name=named, family_name=named, emails=mail, password=told["password"])
    Backend.instance.save(person)
    client = models.Client(
        client_id=told["client_id"],
        client_name=told["client_id"],
        redirect_uris=[told["redirect"]],
        grant_types=["authorization_code"],
        response_types=["code"],
        token_endpoint_auth_method="none",
        client_uri="http://127.0.0.1",  # of a trusted domain: nobody is asked for consent
        scope=["openid"],
        id_token_signed_response_alg=told["algorithm"],
    )
    Backend.instance.save(client)
    client.audience = [client]  # without it its ID tokens are for nobody
    Backend.instance.save(client)
