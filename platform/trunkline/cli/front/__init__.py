"""The SIP front: Kamailio's configuration, made from the settings, and the program itself."""
