package plan

func ZoneObject(zone string) string { return string(KindZone) + "/" + zone }

func HostnameObject(zone, name string) string {
	return string(KindCustomHostname) + "/" + zone + "/" + name
}

func LocalObject(zone, name string) string { return string(KindHostname) + "/" + zone + "/" + name }
