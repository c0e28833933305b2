package plan

func zoneObject(zone string) string { return string(KindZone) + "/" + zone }

func hostnameObject(zone, name string) string {
	return string(KindCustomHostname) + "/" + zone + "/" + name
}

func localObject(zone, name string) string { return string(KindHostname) + "/" + zone + "/" + name }
