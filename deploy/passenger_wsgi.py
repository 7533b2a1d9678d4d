"""For Phusion Passenger (cPanel's "Setup Python App", DreamHost): copy it to the application's root, beside `chatbot`.

Passenger imports `application` from here. Its free edition gives each request a process of its own, so as many visitors read at
once as there are processes (`PassengerMaxPoolSize`, 6): enough to try it, and not for a busy site.
"""

from wsgi import app as application

__all__ = ["application"]
